using Ganymede.Training;

namespace Ganymede.Tests;

// Alone, because TorchSharp's own optimizers and operators, which other tests compare with, do not stand constant collections.
[CollectionDefinition(nameof(GarbageCollectionTests), DisableParallelization = true)]
[Collection(nameof(GarbageCollectionTests))]
public sealed class GarbageCollectionTests
{
    [Theory]
    [InlineData(40)]
    [InlineData(8, "loss=wasserstein", "regularizer.gradientPenalty=10", "regularizer.r1=1", "discriminator.spectralNorm=false", "discriminator.norm=layer",
        "generator.norm=virtual-batch", "technique.historicalAveraging=0.1", "augment.color=1", "augment.cutout=0.5")]
    [InlineData(8, "loss=relativistic", "regularizer.dragan=1", "discriminator.conditioning=auxiliary", "technique.featureMatching=1")]
    [InlineData(4, "discriminator.minibatchKernels=3")]
    public void Garbage_collections_in_the_middle_of_operations_change_no_bit(int steps, params string[] settings)
    {
        var preset = TrainingRig.Small(settings);
        using var quiet = new Replica(preset, TrainingRig.PackFor(preset), TrainingRig.Seed, "cpu", threads: 1);
        using var disturbed = new Replica(preset, TrainingRig.PackFor(preset), TrainingRig.Seed, "cpu", threads: 1);
        TrainingRig.Run(quiet, preset, 0, steps);
        var done = false;
        var collector = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            TrainingRig.Run(disturbed, preset, 0, steps);
        }
        finally
        {
            Volatile.Write(ref done, true);
            collector.Join();
        }

        Assert.Equal(quiet.WeightsSha256(), disturbed.WeightsSha256());
    }
}
