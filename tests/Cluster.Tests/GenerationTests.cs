using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>Drawing labelled images: the files are the same whoever draws them.</summary>
[Collection(TrainedRun.Collection)]
public sealed class GenerationTests(GenerationTests.TrainedRun trained)
{
    private const int Count = 1000;

    /// <summary>A run to draw from; a few steps are enough for what is tested here.</summary>
    [CollectionDefinition(Collection)]
    public sealed class TrainedRun : IAsyncLifetime, ICollectionFixture<TrainedRun>
    {
        internal const string Collection = "trained run";

        internal TemporaryFolder Folder { get; } = new();

        public async ValueTask InitializeAsync() => await Run.Quiet(Folder, "run", steps: 3, "--nodes", "1");

        public ValueTask DisposeAsync()
        {
            Folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    [Fact]
    public async Task One_node_and_two_write_identical_files_and_another_seed_writes_others()
    {
        await Generate("one", "--nodes", "1", "--seed", "5");
        await Generate("two", "--nodes", "2", "--seed", "5");
        await Generate("other", "--nodes", "2", "--seed", "6");

        var one = Contents("one");
        Assert.Equal(Count + 1, one.Count); // the images and metadata.jsonl
        Assert.Equal(one, Contents("two"));
        var other = Contents("other");
        Assert.Equal(one.Keys, other.Keys);
        Assert.All(one.Keys, file => Assert.NotEqual(one[file], other[file]));
    }

    [Fact]
    public async Task Labels_match_the_folders_and_every_image_is_listed_once()
    {
        await Generate("labels", "--nodes", "1", "--seed", "1", "--class", "bag", "--class", "trouser");

        var lines = Run.Lines(trained.Folder["labels/metadata.jsonl"]);
        Assert.Equal(Enumerable.Range(0, Count), lines.Select(line => line.GetProperty("index").GetInt32()));
        foreach (var line in lines)
        {
            var (file, label) = (line.GetProperty("file").GetString()!, line.GetProperty("class").GetString()!);
            Assert.Equal(label, Path.GetDirectoryName(file));
            Assert.Equal(line.GetProperty("index").GetInt32() % 2 == 0 ? "bag" : "trouser", label);
            Assert.Equal(line.GetProperty("sha256").GetString(), Hash(trained.Folder[$"labels/{file}"]));
        }
    }

    [Fact]
    public async Task A_class_that_the_run_does_not_know_and_a_folder_of_another_job_are_refused()
    {
        await Generate("taken", "--nodes", "1", "--seed", "5", "--count", "10");

        var unknown = await Command.Ganymede(trained.Folder.Path, ["generate", "--run", "run", "--count", "10", "--class", "hat", "--to", "hats", .. await StandingCluster.Options()]);
        var taken = await Command.Ganymede(trained.Folder.Path, ["generate", "--run", "run", "--count", "20", "--seed", "9", "--to", "taken", .. await StandingCluster.Options()]);

        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("hat", unknown.Error, StringComparison.Ordinal);
        Assert.Equal(2, taken.ExitCode);
        Assert.Contains("taken", taken.Error, StringComparison.Ordinal);
        Assert.Equal(11, Contents("taken").Count);
    }

    private Task<JsonElement> Generate(string to, params string[] more) => Run.Submitted(trained.Folder,
        ["generate", "--run", "run", .. more.Contains("--count") ? Array.Empty<string>() : ["--count", $"{Count}"], "--to", to, "--json", .. more]);

    private SortedDictionary<string, string> Contents(string name)
    {
        var root = trained.Folder[name];
        return new(Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Where(file => !Path.GetRelativePath(root, file).StartsWith('.'))
            .ToDictionary(file => Path.GetRelativePath(root, file), Hash), StringComparer.Ordinal);
    }

    private static string Hash(string file) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)));
}
