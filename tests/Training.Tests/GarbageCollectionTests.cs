using Ganymede.Training;

namespace Ganymede.Tests;

// Alone, because TorchSharp's own optimizers and operators, which other tests compare with, do not stand constant collections.
[CollectionDefinition(nameof(GarbageCollectionTests), DisableParallelization = true)]
[Collection(nameof(GarbageCollectionTests))]
public sealed class GarbageCollectionTests
{
    [Fact]
    public void Garbage_collections_in_the_middle_of_operations_change_no_bit()
    {
        var preset = TrainingRig.Small();
        using var quiet = new Replica(preset, TrainingRig.PackFor(preset), TrainingRig.Seed, "cpu", threads: 1);
        using var disturbed = new Replica(preset, TrainingRig.PackFor(preset), TrainingRig.Seed, "cpu", threads: 1);
        TrainingRig.Run(quiet, preset, 0, 40);
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
            TrainingRig.Run(disturbed, preset, 0, 40);
        }
        finally
        {
            Volatile.Write(ref done, true);
            collector.Join();
        }

        Assert.Equal(quiet.WeightsSha256(), disturbed.WeightsSha256());
    }
}
