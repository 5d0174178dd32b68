using System.Diagnostics.Metrics;
using Ganymede.Messages;

namespace Ganymede.Coordinator.Generation;

/// <summary>One generation job as the metrics show it; read from another thread than the job's actor writes on.</summary>
/// <param name="read">Images in storage, and the book of leases once there is one.</param>
internal sealed class GenerationTelemetry(JobId job, GenerationPlan plan, Func<(long Images, LeaseBook? Book)> read)
{
    public string Job { get; } = job.Value;

    public long Images => read().Images;

    public long ImagesWanted => plan.Count;

    public IEnumerable<Measurement<long>> Units()
    {
        var (_, book) = read();
        var (stored, leased) = (book?.Stored.Count ?? 0, book?.Leases.Count ?? 0);
        return new[] { ("stored", stored), ("leased", leased), ("waiting", plan.Units - stored - leased) }
            .Select(state => new Measurement<long>(state.Item2, new("job", Job), new("state", state.Item1)));
    }
}
