using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace Ganymede.Messages;

/// <summary>
/// The trace of a run or a generation job. Its id is a hash of the job's, so all processes write into one trace without telling each other, a
/// Coordinator that takes the run over included.
/// </summary>
public static class JobTrace
{
    /// <summary>The parent of every span of this job. Traces of jobs are always taken: they have few spans, none of a step.</summary>
    public static ActivityContext Of(string job)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(job));
        return new ActivityContext(
            ActivityTraceId.CreateFromBytes(hash.AsSpan(0, 16)), ActivitySpanId.CreateFromBytes(hash.AsSpan(16, 8)), ActivityTraceFlags.Recorded, isRemote: true);
    }
}
