using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>A replica's controller with what it holds: the state of the pure <see cref="Controller"/>, and the weights to return to.</summary>
internal sealed class RunControl
{
    private readonly Controller _controller;
    private readonly RealFigures _real;
    private ControllerState _state;
    private StepFigures? _ofDiscriminator;
    private bool _isFinite = true;

    /// <param name="labels">Of the data.</param>
    public RunControl(Preset preset, SignalBlock signals, IReadOnlyList<int> labels)
    {
        Signals = signals;
        _real = signals.Real(labels);
        _controller = new(preset.Controller, _real);
        _state = new() { Knobs = Knobs.Of(preset) };
    }

    public SignalBlock Signals { get; }

    public GoodState Good { get; } = new();

    public Knobs Knobs => _state.Knobs;

    /// <summary>Takes in one of D's updates.</summary>
    /// <param name="gradients">The sum's part of gradients.</param>
    public void Observe(PhaseReport report, ReadOnlySpan<byte> sum, int gradients, ScalarType type, int elementSize, int shards)
    {
        _isFinite &= report.Finite;
        _ofDiscriminator = Signals.Read(sum, type, elementSize, report, report.Finite, GradientNorm.Squared(sum[..gradients], type) / shards / shards);
    }

    /// <summary>Takes in G's update, and decides.</summary>
    /// <param name="squaredNorm">Of G's mean gradient.</param>
    public Controller.Outcome EndStep(PhaseReport report, double squaredNorm)
    {
        var figures = _ofDiscriminator! with { IsFinite = _isFinite && report.Finite, GradientNorm = Math.Sqrt(_ofDiscriminator.GradientNorm + squaredNorm) };
        (_ofDiscriminator, _isFinite) = (null, true);
        var outcome = _controller.Follow(_state, figures, report.Step + 1);
        _state = outcome.Next;
        return outcome;
    }

    public ControllerReport Report(ControllerEvent? happened) => new(_state.Signals, _state.Knobs, happened);

    /// <summary>The numbers, for the fingerprint: what is kept to return to follows from weights that were compared when it was kept.</summary>
    public ReadOnlySpan<byte> Bytes => ControllerMemory.Write(_state).Data.Span;

    public IEnumerable<NamedTensor> Capture(StateMemory? memory) => [ControllerMemory.Write(_state), .. Good.Capture(memory)];

    /// <exception cref="CheckpointException">Something is missing or malformed.</exception>
    public void Restore(IReadOnlyDictionary<string, NamedTensor> tensors)
    {
        _state = ControllerMemory.Read(tensors);
        Good.Restore(tensors);
        (_ofDiscriminator, _isFinite) = (null, true);
    }
}
