namespace Ganymede.Tests;

/// <summary>Bad input that only shows once a run has begun: one clear message, exit code 2 or 1, no stack trace, nothing damaged.</summary>
public sealed class BadRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Unreadable_images_are_all_named_and_stop_the_run_unless_told_to_skip_them()
    {
        var data = ImageFolder();
        File.WriteAllText(Path.Combine(data, "a", "broken.png"), "no image");
        File.WriteAllText(Path.Combine(data, "b", "torn.jpg"), "");

        var stopped = await Train("stopped", "--data", data);
        var skipped = await Train("skipped", "--data", data, "--skip-unreadable");

        Require(stopped, 2, "broken.png", "torn.jpg", "--skip-unreadable");
        Assert.True(skipped.ExitCode == 0, skipped.Error);
        Assert.Contains("broken.png", skipped.Error + skipped.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_class_is_named()
    {
        var data = ImageFolder();
        Directory.CreateDirectory(Path.Combine(data, "nothing-in-it"));

        Require(await Train("run", "--data", data), 2, "nothing-in-it");
    }

    [Theory]
    [InlineData("gzip", "images.gz")]
    [InlineData("truncated", "images")]
    [InlineData("counts", "labels")]
    public async Task Damaged_idx_files_are_named(string damage, string expected)
    {
        var images = Idx(magic: 2051, [10, 28, 28], 10 * 28 * 28);
        var labels = Idx(magic: 2049, [damage == "counts" ? 9 : 10], damage == "counts" ? 9 : 10);
        var imagesPath = _folder[damage == "gzip" ? "images.gz" : "images"];
        File.WriteAllBytes(imagesPath, damage == "truncated" ? images[..^100] : damage == "gzip" ? [0x1f, 0x8b, 8, 0, 1, 2, 3] : images);
        File.WriteAllBytes(_folder["labels"], labels);

        Require(await Train("run", "--data", $"{imagesPath},{_folder["labels"]}"), 2, expected);
    }

    [Fact]
    public async Task A_flipped_byte_in_the_only_checkpoint_is_named_and_in_the_newer_of_two_the_older_is_taken()
    {
        await Run.Quiet(_folder, "run", steps: 4, "--nodes", "1", "--checkpoint-every", "2");
        var quiet = (await Run.Quiet(_folder, "quiet", steps: 6, "--nodes", "1")).Weights();

        Flip(_folder["run/checkpoints/step-00000004/generator.safetensors"]);
        var older = await Run.Quiet(_folder, "run", steps: 6, "--nodes", "1", "--resume");
        foreach (var checkpoint in Directory.GetDirectories(_folder["run/checkpoints"], "step-*"))
            Flip(Path.Combine(checkpoint, "optimizer.safetensors"));
        var none = await Command.Ganymede(_folder.Path, "train", "--resume", "--out", _folder["run"], "--steps", "8");

        Assert.Equal(quiet, older.Weights());
        Require(none, 2, "optimizer.safetensors");
    }

    [Fact]
    public async Task Resuming_as_another_run_is_refused_and_changes_nothing()
    {
        await Run.Quiet(_folder, "run", steps: 2, "--nodes", "1");
        var before = File.ReadAllBytes(_folder["run/ledger.jsonl"]);

        foreach (var (difference, expected) in new[]
        {
            ("--steps 4 --preset article-64", "preset"), ("--steps 4 --seed 8", "seed"), ("--steps 4 --shards 2", "shards"),
            ("--steps 4 --batch 32", "batch"), ("--steps 4 --set ema=0.5", "--set ema 0.5"), ("--steps 2", "--steps"),
        })
        {
            var refused = await Command.Ganymede(_folder.Path, ["train", "--resume", "--out", "run", .. difference.Split(' ')]);
            Require(refused, 2, expected);
            Assert.Equal(before, File.ReadAllBytes(_folder["run/ledger.jsonl"]));
        }
    }

    [Fact]
    public async Task A_full_disk_is_said_in_one_message_and_the_checkpoint_before_it_still_resumes()
    {
        using var disk = SmallDisk.Mount(_folder["small"], kibibytes: 48 * 1024);
        await Run.Quiet(_folder, "small/run", steps: 2, "--nodes", "1");
        disk.Fill();

        var full = await Command.Ganymede(_folder.Path, ["train", "--resume", "--out", _folder["small/run"], "--steps", "4", .. await StandingCluster.Options()]);
        disk.Empty();
        var resumed = await Run.Quiet(_folder, "small/run", steps: 4, "--nodes", "1", "--resume");

        Require(full, 1, "space");
        Assert.Equal((await Run.Quiet(_folder, "quiet", steps: 4, "--nodes", "1")).Weights(), resumed.Weights());
    }

    [Fact]
    public async Task Live_tensors_and_resident_memory_stay_flat_on_every_node()
    {
        var steps = Slow.Or(2000, 80);
        using var run = new LiveRun(_folder["run"], [], "--nodes", "2");
        await run.Until(() => Reports() is { Count: 2 } all && all.All(node => node.Count() >= 3 && node.Last().Step >= steps), $"three reports of two nodes, and {steps} steps",
            patience: TimeSpan.FromMinutes(Slow.Or(15, 3)));

        foreach (var node in Reports())
        {
            Assert.Single(node.Select(report => report.Tensors).Distinct());

            // The first hundred steps fill caches; after them memory stays within 5 %. Only the long run is judged by it: the quick one has hardly more of them.
            if (!Slow.IsOn)
                continue;
            var settled = node.Where(report => report.Step >= 100).Select(report => report.Bytes).ToArray();
            Assert.All(settled, bytes => Assert.InRange(bytes, 0.95 * settled[0], 1.05 * settled[0]));
        }

        ILookup<string?, (long Step, long Tensors, long Bytes)> Reports() => run.Events()
            .Where(line => line.GetProperty("kind").GetString() == "progress")
            .SelectMany(line => line.GetProperty("progress").GetProperty("nodes").EnumerateArray())
            .Where(node => node.GetProperty("step").GetInt64() > 1)
            .ToLookup(
                node => node.GetProperty("node").GetString(),
                node => (node.GetProperty("step").GetInt64(), node.GetProperty("liveTensors").GetInt64(), node.GetProperty("residentBytes").GetInt64()));
    }

    private async Task<Finished> Train(string name, params string[] more) => await Command.Ganymede(_folder.Path,
        ["train", "--steps", "1", "--nodes", "1", "--batch", "8", "--shards", "1", "--out", _folder[name], .. more, .. await StandingCluster.Options()]);

    private static void Require(Finished finished, int exitCode, params string[] expected)
    {
        Assert.True(finished.ExitCode == exitCode, $"exit code {finished.ExitCode}, expected {exitCode}\n{finished.Error}");
        Assert.All(expected, text => Assert.Contains(text, finished.Error, StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("   at ", finished.Output + finished.Error, StringComparison.Ordinal);
    }

    /// <summary>Two classes of a few small images each.</summary>
    private string ImageFolder()
    {
        var data = _folder["images"];
        foreach (var name in new[] { "a", "b" })
        {
            Directory.CreateDirectory(Path.Combine(data, name));
            for (var i = 0; i < 8; i++)
            {
                var pixels = Enumerable.Range(0, 3 * 16 * 16).Select(pixel => (byte)(pixel * (i + 1))).ToArray();
                File.WriteAllBytes(Path.Combine(data, name, $"{i}.png"), Ganymede.Storage.Png.Encode(pixels, channels: 3, height: 16, width: 16));
            }
        }

        return data;
    }

    private static byte[] Idx(int magic, int[] sizes, int payload)
    {
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        foreach (var number in (int[])[magic, .. sizes])
            writer.Write(System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(number));
        writer.Write(new byte[payload]);
        return file.ToArray();
    }

    private static void Flip(string path)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[bytes.Length / 2] ^= 0x10;
        File.WriteAllBytes(path, bytes);
    }
}
