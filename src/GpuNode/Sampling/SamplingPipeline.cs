using System.Collections.Concurrent;
using System.Globalization;
using Ganymede.Messages;
using Ganymede.Storage;
using Ganymede.Training;

namespace Ganymede.GpuNode.Sampling;

/// <summary>Generation cannot begin or go on; <see cref="BadInput"/> when what the user asked for is at fault.</summary>
public sealed class SamplingException(string message, bool badInput) : Exception(message)
{
    public bool BadInput { get; } = badInput;
}

/// <summary>
/// Two threads for one device: one draws units, the other encodes and stores them beside it. The queue between them is
/// bounded, so slow storage slows drawing instead of filling memory.
/// </summary>
public sealed class SamplingPipeline : IDisposable
{
    private readonly GenerationPlan _plan;
    private readonly FolderStore _store;
    private readonly Preset _preset;
    private readonly IReadOnlyList<string> _classes;
    private readonly int[] _labels;
    private readonly Action<SamplingPipeline, long, int, DateTimeOffset> _stored;
    private readonly Action<string> _failed;
    private readonly BlockingCollection<long> _toDraw = [];
    private readonly BlockingCollection<(long Unit, byte[] Pixels, DateTimeOffset Begun)> _toStore = new(boundedCapacity: 1);
    private readonly CancellationTokenSource _stopped = new();
    private readonly Thread _drawing, _storing;
    private int _inHand;

    private SamplingPipeline(
        GenerationPlan plan, string device, int threads, CheckpointInfo info, string checkpoint, string jobKey, int[] labels,
        FolderStore store, Action<SamplingPipeline, long, int, DateTimeOffset> stored, Action<string> failed)
    {
        _plan = plan;
        _store = store;
        _classes = info.Classes;
        _preset = info.Preset;
        _labels = labels;
        _stored = stored;
        _failed = failed;
        Checkpoint = checkpoint;
        JobKey = jobKey;
        _drawing = new Thread(() => Guard(() => DrawUnits(device, threads))) { IsBackground = true, Name = $"draw {device}" };
        _storing = new Thread(() => Guard(StoreUnits)) { IsBackground = true, Name = $"store {device}" };
        _drawing.Start();
        _storing.Start();
    }

    public string Checkpoint { get; }

    /// <summary>Names all that fixes the bytes of the images.</summary>
    public string JobKey { get; }

    /// <summary>Units given to it and not stored yet.</summary>
    public int InHand => Volatile.Read(ref _inHand);

    /// <summary>Of these, those that wait to be drawn.</summary>
    public int ToDraw => Count(_toDraw);

    /// <summary>Of these, those that are drawn and wait to be encoded and stored.</summary>
    public int ToStore => Count(_toStore);

    /// <param name="stored">A unit is in storage: its number, its images, and when its drawing began.</param>
    /// <param name="failed">Why it cannot go on.</param>
    /// <exception cref="SamplingException">No checkpoint, an unknown class, or a destination that holds something else.</exception>
    public static SamplingPipeline Open(
        GenerationPlan plan, string device, int threads, Action<SamplingPipeline, long, int, DateTimeOffset> stored, Action<string> failed)
    {
        try
        {
            var found = CheckpointFolder.Newest(plan.RunFolder);
            if (found.Found is not { } checkpoint)
                throw new SamplingException($"--run {plan.RunFolder}: no valid checkpoint there" + string.Concat(found.Skipped.Select(skipped => $"; {skipped.Reason}")), badInput: true);

            var labels = Labels(plan, checkpoint.Info.Classes);
            var key = string.Create(CultureInfo.InvariantCulture,
                $"weights={checkpoint.Info.WeightsSha256} step={checkpoint.Info.Step} seed={plan.Seed} count={plan.Count} unit={plan.UnitSize} classes={string.Join(',', plan.Classes)}");
            return new SamplingPipeline(
                plan, device, threads, checkpoint.Info, checkpoint.Folder, key, labels, new FolderStore(plan.Destination, key), stored, failed);
        }
        catch (Exception error) when (error is CheckpointException or StorageException)
        {
            throw new SamplingException(error.Message, badInput: true);
        }
    }

    /// <summary>Takes a unit on; <c>stored</c> is called when it is in storage.</summary>
    public void Draw(long unit)
    {
        Interlocked.Increment(ref _inHand);
        _toDraw.Add(unit);
    }

    public void Dispose()
    {
        _stopped.Cancel();
        _drawing.Join();
        _storing.Join();
        _stopped.Dispose();
        _toDraw.Dispose();
        _toStore.Dispose();
    }

    /// <summary>Class indices in the order in which images take turns.</summary>
    private static int[] Labels(GenerationPlan plan, IReadOnlyList<string> classes)
    {
        if (plan.Classes.Length == 0)
            return [.. Enumerable.Range(0, classes.Count)];

        return [.. plan.Classes.Select(name => classes.ToList().IndexOf(name) is >= 0 and var label
            ? label
            : throw new SamplingException($"--class {name}: the run knows {string.Join(", ", classes)}.", badInput: true))];
    }

    private void DrawUnits(string device, int threads)
    {
        using var drawer = new ImageDrawer(Checkpoint, device, threads);
        foreach (var unit in _toDraw.GetConsumingEnumerable(_stopped.Token))
        {
            var (indices, begun) = (Indices(unit), DateTimeOffset.UtcNow);
            if (_store.IsCommitted(unit))
            {
                Done(unit, indices.Length, begun); // its lease had run out, and another was faster
                continue;
            }

            var pixels = drawer.Draw(_plan.Seed, indices, [.. indices.Select(LabelOf)]);
            _toStore.Add((unit, pixels, begun), _stopped.Token);
        }
    }

    private void StoreUnits()
    {
        var size = _preset.Channels * _preset.Size * _preset.Size;
        foreach (var (unit, pixels, begun) in _toStore.GetConsumingEnumerable(_stopped.Token))
        {
            var indices = Indices(unit);
            _store.WriteUnit(unit, [.. indices.Select((index, position) => new LabelledImage(
                index, _classes[LabelOf(index)], LabelOf(index),
                Png.Encode(pixels.AsSpan(position * size, size), _preset.Channels, _preset.Size, _preset.Size), _plan.Seed))]);
            Done(unit, indices.Length, begun);
        }
    }

    private void Done(long unit, int images, DateTimeOffset begun)
    {
        Interlocked.Decrement(ref _inHand);
        _stored(this, unit, images, begun);
    }

    /// <summary>A scrape may come in the moment of the end.</summary>
    private static int Count<T>(BlockingCollection<T> queue)
    {
        try
        {
            return queue.Count;
        }
        catch (ObjectDisposedException)
        {
            return 0;
        }
    }

    private int LabelOf(long index) => _labels[index % _labels.Length];

    private long[] Indices(long unit)
    {
        var first = unit * _plan.UnitSize;
        var count = (int)Math.Min(_plan.UnitSize, _plan.Count - first);
        return [.. Enumerable.Range(0, count).Select(offset => first + offset)];
    }

    private void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException) when (_stopped.IsCancellationRequested)
        {
            // Told to stop.
        }
        catch (Exception error)
        {
            _failed(error.Message);
        }
    }
}
