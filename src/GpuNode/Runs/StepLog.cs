using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ganymede.GpuNode.Runs;

/// <summary>A JSON-lines file of objects with a <c>step</c>, in its order. Each line is handed to the system as it is written.</summary>
public sealed class StepLog : IDisposable
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private readonly FileStream _file;

    private StepLog(FileStream file, long lastStep) => (_file, LastStep) = (file, lastStep);

    /// <summary>The step of the last line; 0 when there is none.</summary>
    public long LastStep { get; private set; }

    /// <summary>
    /// Opens for a run that continues after <paramref name="firstStep"/> committed steps; later lines, of steps that are undone, go. The file
    /// is another one afterwards: a writer that still has the old one open, though out of the run, writes into nowhere.
    /// </summary>
    public static StepLog Open(string path, long firstStep)
    {
        var kept = firstStep > 0 && File.Exists(path) ? File.ReadLines(path).TakeWhile(line => StepOf(line) <= firstStep).ToArray() : [];
        var rewritten = path + ".tmp";
        File.WriteAllLines(rewritten, kept);
        File.Move(rewritten, path, overwrite: true);
        return new StepLog(
            new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read), kept.Length == 0 ? 0 : StepOf(kept[^1]));
    }

    public void Append<T>(long step, T line)
    {
        LastStep = step;
        JsonSerializer.Serialize(_file, line, _json);
        _file.WriteByte((byte)'\n');
        _file.Flush();
    }

    public void Dispose() => _file.Dispose();

    /// <summary>A torn last line, as a killed process leaves it, counts as later than everything.</summary>
    private static long StepOf(string line)
    {
        try
        {
            return JsonDocument.Parse(line).RootElement.GetProperty("step").GetInt64();
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return long.MaxValue;
        }
    }
}
