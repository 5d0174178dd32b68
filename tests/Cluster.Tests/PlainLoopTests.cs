using System.Runtime.InteropServices;
using Ganymede.Datasets;
using Ganymede.Training;

namespace Ganymede.Tests;

/// <summary>The whole cluster against plain autograd: one process, one loss over the whole mini-batch, no code that shards.</summary>
public sealed class PlainLoopTests
{
    [Fact]
    public async Task Two_members_train_as_one_plain_loop_does_in_double_precision()
    {
        using var folder = new TemporaryFolder();
        string[] overrides = ["precision=float64", "generator.norm=none"];
        await Run.Quiet(folder, "run", steps: 5, "--nodes", "2", "--set", overrides[0], "--set", overrides[1]);
        var trained = CheckpointFolder.Newest(folder["run"]).Found!;
        var pack = PackFile.Read(folder["run/data.pack"], trained.Info.DataSha256);

        NativeBackend.EnsureLoaded();
        using var plain = new PlainTrainer(trained.Info.Preset, pack, seed: 7);
        var before = Values(plain);
        for (var step = 0; step < 5; step++)
            plain.Step(step);

        var after = Values(plain);
        var cluster = trained.State.Generator.Select(tensor => ("generator " + tensor.Name, tensor))
            .Concat(trained.State.Discriminator.Select(tensor => ("discriminator " + tensor.Name, tensor)))
            .ToDictionary(entry => entry.Item1, entry => MemoryMarshal.Cast<byte, double>(entry.tensor.Data.Span).ToArray());
        foreach (var (name, values) in after)
        {
            var difference = values.Zip(cluster[name], (plainly, sharded) => Math.Abs(plainly - sharded)).Max();
            Assert.True(difference <= 1e-10, $"{name} differs by {difference:g3}");
        }

        Assert.All(after.Keys.Where(name => name.EndsWith("weight", StringComparison.Ordinal)), name => Assert.NotEqual(before[name], after[name]));
    }

    private static Dictionary<string, double[]> Values(PlainTrainer plain) =>
        plain.Parameters.ToDictionary(parameter => parameter.Name, parameter => parameter.Value.detach().data<double>().ToArray());
}
