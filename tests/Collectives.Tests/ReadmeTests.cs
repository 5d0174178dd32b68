using System.Runtime.CompilerServices;
using Ganymede.Collectives;

namespace Ganymede.Tests;

public sealed class ReadmeTests
{
    [Fact]
    public async Task The_example_of_the_readme_runs()
    {
        // The text between the fences is compiled here word for word.
        // <example>
        // Two parties, usually two processes; four shards, two each.
        await using var a = DataPlane.Listen(new DataPlaneOptions { Name = "a", Host = "127.0.0.1", Log = Console.WriteLine });
        await using var b = DataPlane.Listen(new DataPlaneOptions { Name = "b", Host = "127.0.0.1", Log = Console.WriteLine });
        var shards = ShardAssignment.Even(shards: 4, members: 2);
        PartyAddress[] parties = [new("a", "127.0.0.1", a.Port, shards[0]), new("b", "127.0.0.1", b.Port, shards[1])];

        byte[] Train(DataPlane plane, int self)
        {
            using var group = plane.Join("run-1", view: 1, parties, self, shards: 4);
            var sums = new PartialSums(4, shards[self], ElementType.Float32, elements: 1000);
            for (var shard = shards[self].First; shard < shards[self].End; shard++)
            {
                var gradient = Enumerable.Range(0, 1000).SelectMany(i => BitConverter.GetBytes(shard + i / 3f)).ToArray();
                sums.Add(shard, gradient);
            }

            var total = new byte[4000];
            group.AllReduce(step: 0, phase: 1, ElementType.Float32, sums.Complete, total);
            return total;
        }

        var totals = await Task.WhenAll(Task.Run(() => Train(a, 0)), Task.Run(() => Train(b, 1)));
        Console.WriteLine(totals[0].SequenceEqual(totals[1])); // True
        // </example>
        Assert.Equal(totals[0], totals[1]);
    }

    [Fact]
    public void The_example_of_the_readme_is_the_one_that_runs()
    {
        var thisFile = ThisFile();
        var source = File.ReadAllLines(thisFile).Select(line => line.Trim());
        var example = source.SkipWhile(line => line != "// <example>").Skip(1).TakeWhile(line => line != "// </example>");
        var readme = File.ReadAllLines(Path.Combine(Path.GetDirectoryName(thisFile)!, "../../src/Collectives/README.md")).Select(line => line.Trim());
        var shown = readme.SkipWhile(line => line != "```csharp").Skip(3).TakeWhile(line => line != "```");
        Assert.Equal(example, shown);
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
