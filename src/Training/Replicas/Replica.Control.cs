using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

public sealed partial class Replica
{
    /// <summary>What the controller has changed so far; null without one.</summary>
    public Knobs? Knobs => _control?.Knobs;

    /// <summary>Asks the controller after a step, and does at once what it says: every replica sees the same sums, so all do the same after the same step.</summary>
    private PhaseReport Control(RunControl control, PhaseReport report, ReadOnlySpan<byte> sum)
    {
        var gradients = sum[..(_generator.Layout.Statistics * ElementSize)];
        var outcome = control.EndStep(report, GradientNorm.Squared(gradients, _generator.Type) / _preset.Shards / _preset.Shards);
        if (outcome.Keep)
        {
            control.Good.Keep(CopyTraining);
        }

        if (outcome.Event is { } happened)
        {
            if (happened.Returns)
            {
                RestoreTraining(control.Good.State);
            }

            Turn(happened.Knobs);
        }

        return report with
        {
            Control = control.Report(outcome.Event),
            StopRequested = report.StopRequested || outcome.Event is { Kind: ControllerEventKind.Stop },
        };
    }

    /// <summary>Sets what the controller may change. Passes that were made ahead saw the knobs as they were.</summary>
    private void Turn(Knobs knobs)
    {
        _augmenter.Set(knobs.Augment(_preset.Augment, _preset.Controller.Augment));
        _worker.Penalties.Settings = _preset.Regularizer with { R1 = knobs.R1 };
        _worker.Forget();
    }
}
