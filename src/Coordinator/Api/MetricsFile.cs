using System.Text.Json;
using Ganymede.Messages.Api;

namespace Ganymede.Coordinator.Api;

/// <summary>
/// Every figure of a run's <c>metrics.jsonl</c>, read on as it grows, in bounded memory: when there are too many lines, every second one
/// is dropped and from then on only every second, fourth, … is taken. Thread-safe.
/// </summary>
public sealed class MetricsFile(string path, int capacity = 1024)
{
    /// <summary>A line is some hundred bytes and a run has few figures; what is longer is no file of ours.</summary>
    private const int MostLine = 64 * 1024;
    private const int MostSeries = 64;

    private readonly Lock _lock = new();
    private readonly List<long> _steps = [];
    private readonly Dictionary<string, List<double>> _series = [];
    private long _offset;
    private long _line;
    private long _linesPerPoint = 1;

    /// <summary>The figures by name, each with a value a step; NaN where a line has none.</summary>
    public RunMetrics Read()
    {
        lock (_lock)
        {
            try
            {
                ReadOn();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Not written yet, or just being replaced: what is known is the answer.
            }

            return new RunMetrics([.. _steps], _series.ToDictionary(series => series.Key, IReadOnlyList<double> (series) => [.. series.Value]));
        }
    }

    private void ReadOn()
    {
        if (new FileInfo(path).LinkTarget is not null)
            return; // the folder is others' to write to, as well
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (file.Length < _offset)
            Forget(); // a resumed run cuts off what lies behind its checkpoint
        file.Position = _offset;
        var buffer = new byte[MostLine];
        var held = 0;
        while (file.Read(buffer, held, buffer.Length - held) is > 0 and var read)
        {
            held += read;
            var start = 0;
            while (Array.IndexOf(buffer, (byte)'\n', start, held - start) is >= 0 and var end)
            {
                Take(buffer.AsSpan(start, end - start));
                start = end + 1;
            }

            if (start == 0 && held == buffer.Length)
                return; // no file of ours
            _offset += start;
            buffer.AsSpan(start, held - start).CopyTo(buffer);
            held -= start;
        }
    }

    private void Take(ReadOnlySpan<byte> line)
    {
        if (_line++ % _linesPerPoint != 0)
            return;
        try
        {
            var reader = new Utf8JsonReader(line);
            if (JsonElement.ParseValue(ref reader) is not { ValueKind: JsonValueKind.Object } figures
                || !figures.TryGetProperty("step", out var at) || !at.TryGetInt64(out var step))
                return;
            CutBack(step);
            _steps.Add(step);
            foreach (var figure in figures.EnumerateObject().Where(figure => figure.Name != "step"))
                Take(figure);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return;
        }

        foreach (var values in _series.Values.Where(values => values.Count < _steps.Count))
            values.Add(double.NaN);
        if (_steps.Count >= capacity)
            Thin();
    }

    private void Take(JsonProperty figure)
    {
        var value = figure.Value.ValueKind switch
        {
            JsonValueKind.Number => figure.Value.GetDouble(),
            JsonValueKind.String when double.TryParse(figure.Value.GetString(), System.Globalization.CultureInfo.InvariantCulture, out var named) => named, // "NaN", "Infinity"
            _ => (double?)null,
        };
        if (value is null || (!_series.ContainsKey(figure.Name) && _series.Count >= MostSeries))
            return;
        if (!_series.TryGetValue(figure.Name, out var values))
            _series.Add(figure.Name, values = [.. Enumerable.Repeat(double.NaN, _steps.Count - 1)]);
        if (values.Count < _steps.Count) // a name may be there twice
            values.Add(value.Value);
    }

    private void Thin()
    {
        KeepEverySecond(_steps);
        foreach (var values in _series.Values)
            KeepEverySecond(values);
        _linesPerPoint *= 2;
    }

    private static void KeepEverySecond<T>(List<T> values)
    {
        for (var i = 1; 2 * i < values.Count; i++)
            values[i] = values[2 * i];
        values.RemoveRange((values.Count + 1) / 2, values.Count / 2);
    }

    /// <summary>The run went on from a checkpoint: what comes after it did not happen.</summary>
    private void CutBack(long step)
    {
        var kept = _steps.Count;
        while (kept > 0 && _steps[kept - 1] >= step)
            kept--;
        foreach (var values in _series.Values)
            values.RemoveRange(kept, _steps.Count - kept);
        _steps.RemoveRange(kept, _steps.Count - kept);
    }

    private void Forget()
    {
        _steps.Clear();
        _series.Clear();
        (_offset, _line, _linesPerPoint) = (0, 0, 1);
    }
}
