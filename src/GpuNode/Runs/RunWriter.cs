using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;
using Ganymede.Messages;
using Ganymede.Storage;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// The lead member's files of a run: <c>ledger.jsonl</c>, <c>metrics.jsonl</c> and TensorBoard's events as steps commit, sample grids and
/// checkpoints on a thread of their own while training goes on. One piece of slow work waits at most; a second makes the
/// training thread wait, so memory stays bounded. What fails there fails the run at its next step.
/// </summary>
public sealed class RunWriter : IDisposable
{
    private const int MetricsEvery = 10;
    private static readonly TimeSpan _failurePeriod = TimeSpan.FromMilliseconds(100);

    private readonly PrepareRun _prepare;
    private readonly Preset _preset;
    private readonly Action<IClusterMessage> _report;
    private readonly NodeId _node;
    private readonly StepLog _ledger;
    private readonly StepLog _metrics;
    private readonly EventFile _events;
    private readonly Channel<Action> _work = Channel.CreateBounded<Action>(1);
    private readonly Task _worker;
    private readonly StateMemory _state = new();
    private readonly SemaphoreSlim _stateIsFree = new(1);
    private volatile Exception? _failure;
    private int _pending;
    private CommittedStep? _measured;

    public RunWriter(
        PrepareRun prepare, Preset preset, long firstStep, Action<IClusterMessage> report, NodeId node)
    {
        _prepare = prepare;
        _preset = preset;
        _report = report;
        _node = node;
        Directory.CreateDirectory(Path.Combine(Plan.Folder, "grids"));
        _ledger = StepLog.Open(Path.Combine(Plan.Folder, "ledger.jsonl"), firstStep);
        _metrics = StepLog.Open(Path.Combine(Plan.Folder, "metrics.jsonl"), firstStep);
        _events = EventFile.Create(Path.Combine(Plan.Folder, "tensorboard"), firstStep, DateTimeOffset.UtcNow);
        _worker = Task.Run(WorkAsync);
    }

    public string? LastCheckpoint { get; private set; }
    public string? LastGrid { get; private set; }

    /// <summary>Grids and checkpoints that are not written yet.</summary>
    public int Pending => Volatile.Read(ref _pending);

    private RunPlan Plan => _prepare.Plan;

    /// <summary>Once. Before step 0: what the untrained generator draws, to compare with. On the replica's thread.</summary>
    public void Begin(Replica replica)
    {
        if (replica.NextStep == 0 && Plan.SampleEvery > 0)
            WriteGrid(replica, step: 0);
        replica.CopyState(_state); // allocates what every checkpoint uses from now on
    }

    /// <summary>
    /// Between two steps, in a run whose lead was another member: writes down the steps that it had committed and not written, and
    /// the checkpoint that it owes. On the replica's thread.
    /// </summary>
    /// <param name="recent">The newest committed steps, ascending.</param>
    /// <param name="ended">The run has ended after the last of them.</param>
    public void TakeOver(Replica replica, IEnumerable<CommittedStep> recent, bool ended)
    {
        var steps = recent.ToArray();
        foreach (var step in steps)
            WriteLines(step, last: ended && step == steps[^1]);
        if (steps.Length == 0)
            return;

        var due = Plan.CheckpointEvery > 0 ? steps[^1].Step / Plan.CheckpointEvery * Plan.CheckpointEvery : 0;
        if (ended || (Plan.SampleEvery > 0 && steps[^1].Step % Plan.SampleEvery == 0))
            WriteGrid(replica, steps[^1].Step);
        if (ended || (due > 0 && !CheckpointFolder.Exists(Plan.Folder, due)))
            WriteCheckpoint(replica, steps[^1]);
    }

    /// <summary>Writes down a committed step, and starts what is due after it. On the replica's thread.</summary>
    /// <param name="last">The run ends after this step: grid and checkpoint are due.</param>
    /// <param name="checkpoint">Somebody asked for one.</param>
    public void Commit(Replica replica, CommittedStep step, bool last, bool checkpoint)
    {
        RequireNoFailure();
        WriteLines(step, last);
        if (last || (Plan.SampleEvery > 0 && step.Step % Plan.SampleEvery == 0))
            WriteGrid(replica, step.Step);
        if (last || checkpoint || (Plan.CheckpointEvery > 0 && step.Step % Plan.CheckpointEvery == 0))
            WriteCheckpoint(replica, step);
    }

    /// <summary>Waits until everything is on disk.</summary>
    /// <exception cref="IOException">Something could not be written.</exception>
    public void Flush()
    {
        using var done = new ManualResetEventSlim();
        Enqueue(done.Set);
        while (!done.Wait(_failurePeriod))
            RequireNoFailure();
        RequireNoFailure();
    }

    public void Dispose()
    {
        _work.Writer.TryComplete();
        _worker.GetAwaiter().GetResult();
        _ledger.Dispose();
        _metrics.Dispose();
        _events.Dispose();
        _stateIsFree.Dispose();
    }

    private void WriteLines(CommittedStep step, bool last)
    {
        if (step.Step > _ledger.LastStep)
        {
            _ledger.Append(step.Step, new LedgerLine(
                step.Step, step.View, (step.Step - 1) * Plan.SamplesPerStep, step.Step * Plan.SamplesPerStep - 1,
                step.Fingerprint == 0 ? null : step.Fingerprint.ToString("x16", CultureInfo.InvariantCulture)));
        }

        if (step.Step > _metrics.LastStep && (step.Step % MetricsEvery == 0 || last || step.Control?.Event is not null))
        {
            var line = MetricsLine.Of(step, _measured, Plan.SamplesPerStep);
            _metrics.Append(step.Step, line);
            _events.AppendScalars(step.Step, step.Time, line.Scalars());
            _measured = step;
        }
    }

    private void WriteGrid(Replica replica, long step)
    {
        var pixels = replica.DrawGrid(out var count, out var columns);
        var time = DateTimeOffset.UtcNow;
        Enqueue(() => WriteGrid(pixels, count, columns, step, time));
    }

    private void WriteGrid(byte[] pixels, int count, int columns, long step, DateTimeOffset time)
    {
        var chw = ImageGrid.Compose(
            pixels, count, _preset.Channels, _preset.Size, _preset.Size, columns, padding: 2, out var height, out var width);
        var path = Path.Combine(Plan.Folder, "grids", string.Create(CultureInfo.InvariantCulture, $"step-{step:D8}.png"));
        var temporary = $"{path}.{_node}.tmp"; // a lead that is out of the run, and does not know it yet, has another
        var png = Png.Encode(chw, _preset.Channels, height, width);
        File.WriteAllBytes(temporary, png);
        File.Move(temporary, path, overwrite: true);
        _events.AppendImage(step, time, "samples", png, height, width, _preset.Channels);
        LastGrid = path;
        _report(new ArtifactWritten(_prepare.Run, _node, "grid", path, step));
    }

    private void WriteCheckpoint(Replica replica, CommittedStep step)
    {
        while (!_stateIsFree.Wait(_failurePeriod)) // until the checkpoint before is written: the copy would overwrite it
            RequireNoFailure();
        var state = replica.CopyState(_state);
        var info = replica.DescribeState(
            _prepare.Pack.Sha256,
            new Dictionary<string, double> { ["discriminatorLoss"] = step.DiscriminatorLoss, ["generatorLoss"] = step.GeneratorLoss });
        Enqueue(() =>
        {
            var begun = Stopwatch.GetTimestamp();
            using var span = Telemetry.Source.StartActivity("checkpoint", ActivityKind.Internal, JobTrace.Of(_prepare.Run.Value),
                [new("run", _prepare.Run.Value), new("step", step.Step)]);
            Faults.Soon(FaultPoint.Checkpoint, step.Step);
            LastCheckpoint = CheckpointFolder.Write(Plan.Folder, state, info);
            if (Plan.KeepCheckpoints > 0)
                CheckpointFolder.Retain(Plan.Folder, Plan.KeepCheckpoints);
            Telemetry.CheckpointDuration.Record(Stopwatch.GetElapsedTime(begun).TotalSeconds, new KeyValuePair<string, object?>("run", _prepare.Run.Value));
            _stateIsFree.Release(); // after a failure nobody copies any more
            _report(new ArtifactWritten(_prepare.Run, _node, "checkpoint", LastCheckpoint, step.Step));
        });
    }

    private void RequireNoFailure()
    {
        if (_failure is { } failure)
            throw new IOException(failure.Message, failure);
    }

    private void Enqueue(Action work)
    {
        Interlocked.Increment(ref _pending);
        while (!_work.Writer.TryWrite(work))
        {
            if (!_work.Writer.WaitToWriteAsync().AsTask().GetAwaiter().GetResult())
                return; // completed: only after the end, when nothing is due
        }
    }

    private async Task WorkAsync()
    {
        await foreach (var work in _work.Reader.ReadAllAsync())
        {
            if (_failure is not null)
                continue;
            try
            {
                work();
            }
            catch (Exception error)
            {
                _failure = error; // whatever it is: the replica's thread throws it, and must never wait for a worker that is gone
            }
            finally
            {
                Interlocked.Decrement(ref _pending);
            }
        }
    }

    private sealed record LedgerLine(long Step, long View, long FirstSample, long LastSample, string? Weights);
}
