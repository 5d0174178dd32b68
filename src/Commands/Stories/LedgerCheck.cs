using System.Globalization;
using System.Text.Json;

namespace Ganymede.Commands;

/// <summary>What a run's <c>ledger.jsonl</c> proves: that every committed step used its own samples, each once.</summary>
public sealed record LedgerCheck(long Steps, long Samples, long Views, string? Problem)
{
    public static LedgerCheck Read(string folder)
    {
        long step = 0, next = 0, view = 0, views = 0;
        string? problem = null;
        var path = Path.Combine(folder, "ledger.jsonl");
        if (!File.Exists(path))
            return new LedgerCheck(0, 0, 0, $"{path} is missing");

        foreach (var line in File.ReadLines(path))
        {
            long number, first, last, its;
            try
            {
                using var json = JsonDocument.Parse(line);
                var root = json.RootElement;
                (number, first, last, its) = (root.GetProperty("step").GetInt64(), root.GetProperty("firstSample").GetInt64(),
                    root.GetProperty("lastSample").GetInt64(), root.GetProperty("view").GetInt64());
            }
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                problem ??= string.Create(CultureInfo.InvariantCulture, $"the line after step {step} cannot be read");
                continue;
            }

            if (number != step + 1 || first != next || last < first)
                problem ??= string.Create(CultureInfo.InvariantCulture, $"after step {step}, which ends before sample {next}, comes step {number} with samples {first} to {last}");
            if (its < view)
                problem ??= string.Create(CultureInfo.InvariantCulture, $"step {number} is of view {its}, after one of view {view}");
            views += its != view ? 1 : 0;
            (step, next, view) = (number, last + 1, its);
        }

        return new LedgerCheck(step, next, views, problem);
    }

    public override string ToString() => Problem is null
        ? string.Create(CultureInfo.InvariantCulture, $"{Steps:N0} steps with {Samples:N0} samples, each once, in {Views} views")
        : Problem;
}
