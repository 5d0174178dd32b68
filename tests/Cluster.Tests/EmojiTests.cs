using System.Text.Json;

namespace Ganymede.Tests;

/// <summary>The article's networks on a folder of real images in colour.</summary>
public sealed class EmojiTests
{
    [Fact]
    public async Task The_articles_preset_ends_with_the_same_weights_on_any_number_of_nodes_and_after_a_resume()
    {
        var emoji = await EmojiSet.FolderOrSkip();
        using var folder = new TemporaryFolder();
        var (half, steps, batch) = Slow.Or(("2", "4", "32"), ("1", "2", "16"));
        var narrower = Slow.Or<string[]>([], ["--set", "generator.width=64", "--set", "discriminator.width=64"]); // most of the time goes into drawing 29 M first weights

        var one = await Train("one", steps, "--nodes", "1");
        foreach (var (nodes, devices) in Slow.Or<(int, string)[]>([(1, "cpu"), (2, "cpu"), (3, "cpu"), (4, "cpu"), (1, "cpu,cpu")], []))
            Assert.Equal(one, await Train($"{nodes}-{devices}", steps, ["--nodes", $"{nodes}", .. devices == "cpu" ? Array.Empty<string>() : ["--devices", devices]]));
        await Train("resumed", half, "--nodes", "2");
        var resumed = await Train("resumed", steps, "--nodes", "3", "--resume");

        Assert.Equal(one, resumed);
        if (Slow.IsOn)
            Assert.NotEqual(one, await Train("other-seed", steps, "--nodes", "1", "--seed", "8"));

        Task<JsonElement> Do(string[] job) => job.Contains("cpu,cpu") ? Run.Json(folder, job) : Run.Submitted(folder, job);
        async Task<string> Train(string name, string until, params string[] more) => (await Do(
            ["train", "--preset", "article-64", "--data", emoji, "--steps", until, "--shards", "4", "--batch", batch,
             .. more.Contains("--seed") ? Array.Empty<string>() : ["--seed", "7"], .. narrower, "--out", folder[name], "--json", .. more])).Weights();
    }
}
