using System.Globalization;
using System.Threading.Channels;
using Ganymede.Messages;
using Ganymede.Storage;
using Ganymede.Training;

namespace Ganymede.GpuNode.Runs;

/// <summary>
/// The lead member's files of a run: <c>ledger.jsonl</c> and <c>metrics.jsonl</c> as steps commit, sample grids and
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
    private readonly Channel<Action> _work = Channel.CreateBounded<Action>(1);
    private readonly Task _worker;
    private readonly StateMemory _state = new();
    private readonly SemaphoreSlim _stateIsFree = new(1);
    private volatile Exception? _failure;

    public RunWriter(
        PrepareRun prepare, Preset preset, long firstStep, Action<IClusterMessage> report, NodeId node)
    {
        _prepare = prepare;
        _preset = preset;
        _report = report;
        _node = node;
        Directory.CreateDirectory(Path.Combine(Plan.Folder, "grids"));
        CheckpointFolder.RemoveAbandoned(Plan.Folder);
        _ledger = StepLog.Open(Path.Combine(Plan.Folder, "ledger.jsonl"), firstStep);
        _metrics = StepLog.Open(Path.Combine(Plan.Folder, "metrics.jsonl"), firstStep);
        _worker = Task.Run(WorkAsync);
    }

    public string? LastCheckpoint { get; private set; }
    public string? LastGrid { get; private set; }

    private RunPlan Plan => _prepare.Plan;

    /// <summary>Before the first step: what the untrained generator draws, to compare with. On the replica's thread.</summary>
    public void Begin(Replica replica)
    {
        if (replica.NextStep == 0 && Plan.SampleEvery > 0)
            WriteGrid(replica, step: 0);
        replica.CopyState(_state); // allocates what every checkpoint uses from now on
    }

    /// <summary>Writes down a committed step, and starts what is due after it. On the replica's thread.</summary>
    /// <param name="step">Steps committed, from 1.</param>
    /// <param name="fingerprint">Hash of the weights after the step; 0 when it was not taken.</param>
    /// <param name="last">The run ends after this step: grid and checkpoint are due.</param>
    public void Commit(Replica replica, long step, long view, ulong fingerprint, double discriminatorLoss, double generatorLoss, bool last)
    {
        RequireNoFailure();
        _ledger.Append(new LedgerLine(
            step, view, (step - 1) * Plan.Batch, step * Plan.Batch - 1,
            fingerprint == 0 ? null : fingerprint.ToString("x16", CultureInfo.InvariantCulture)));
        if (step % MetricsEvery == 0 || last)
            _metrics.Append(new MetricsLine(step, discriminatorLoss, generatorLoss, Replica.LiveTensors, Environment.WorkingSet));

        if (last || (Plan.SampleEvery > 0 && step % Plan.SampleEvery == 0))
            WriteGrid(replica, step);
        if (last || (Plan.CheckpointEvery > 0 && step % Plan.CheckpointEvery == 0))
            WriteCheckpoint(replica, step, discriminatorLoss, generatorLoss);
    }

    /// <summary>Waits until everything is on disk.</summary>
    /// <exception cref="IOException">Something could not be written.</exception>
    public void Finish()
    {
        _work.Writer.TryComplete();
        _worker.GetAwaiter().GetResult();
        RequireNoFailure();
    }

    public void Dispose()
    {
        _work.Writer.TryComplete();
        _worker.GetAwaiter().GetResult();
        _ledger.Dispose();
        _metrics.Dispose();
        _stateIsFree.Dispose();
    }

    private void WriteGrid(Replica replica, long step)
    {
        var pixels = replica.DrawGrid(out var count, out var columns);
        Enqueue(() => WriteGrid(pixels, count, columns, step));
    }

    private void WriteGrid(byte[] pixels, int count, int columns, long step)
    {
        var chw = ImageGrid.Compose(
            pixels, count, _preset.Channels, _preset.Size, _preset.Size, columns, padding: 2, out var height, out var width);
        var path = Path.Combine(Plan.Folder, "grids", string.Create(CultureInfo.InvariantCulture, $"step-{step:D8}.png"));
        File.WriteAllBytes(path + ".tmp", Png.Encode(chw, _preset.Channels, height, width));
        File.Move(path + ".tmp", path, overwrite: true);
        LastGrid = path;
        _report(new ArtifactWritten(_prepare.Run, _node, "grid", path, step));
    }

    private void WriteCheckpoint(Replica replica, long step, double discriminatorLoss, double generatorLoss)
    {
        while (!_stateIsFree.Wait(_failurePeriod)) // until the checkpoint before is written: the copy would overwrite it
            RequireNoFailure();
        var state = replica.CopyState(_state);
        var info = replica.DescribeState(
            _prepare.Pack.Sha256,
            new Dictionary<string, double> { ["discriminatorLoss"] = discriminatorLoss, ["generatorLoss"] = generatorLoss });
        Enqueue(() =>
        {
            LastCheckpoint = CheckpointFolder.Write(Plan.Folder, state, info);
            _stateIsFree.Release(); // after a failure nobody copies any more
            _report(new ArtifactWritten(_prepare.Run, _node, "checkpoint", LastCheckpoint, step));
        });
    }

    private void RequireNoFailure()
    {
        if (_failure is { } failure)
            throw new IOException(failure.Message, failure);
    }

    private void Enqueue(Action work)
    {
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
        }
    }

    private sealed record LedgerLine(long Step, long View, long FirstSample, long LastSample, string? Weights);

    private sealed record MetricsLine(
        long Step, double DiscriminatorLoss, double GeneratorLoss, long LiveTensors, long ResidentBytes);
}
