using System.Security.Cryptography;
using System.Text.Json;
using CsCheck;
using Ganymede.Storage;

namespace Ganymede.Tests;

public sealed class FolderStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Root => _folder["set"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_finished_set_is_one_folder_a_class_and_one_line_an_image()
    {
        Write(Root, [0, 1, 2, 3]);

        var lines = File.ReadAllLines(Path.Combine(Root, FolderStore.MetadataFile)).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(Enumerable.Range(0, 24), lines.Select(line => line.GetProperty("index").GetInt32()));
        Assert.All(lines, line =>
        {
            var (file, name) = (line.GetProperty("file").GetString()!, line.GetProperty("class").GetString()!);
            var index = line.GetProperty("index").GetInt32();
            Assert.Equal($"{name}/{index:D6}.png", file);
            Assert.Equal(index % 3, line.GetProperty("label").GetInt32());
            Assert.Equal(7, line.GetProperty("seed").GetInt32());
            var bytes = File.ReadAllBytes(Path.Combine(Root, file));
            Assert.Equal(TestUnits.Image(index).Png, bytes);
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), line.GetProperty("sha256").GetString());
        });
        Assert.Equal([".job.json", "bag", "coat", "dress", "metadata.jsonl"],
            Directory.GetFileSystemEntries(Root).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_bytes_do_not_depend_on_the_order_of_units_or_on_units_written_twice()
    {
        var expected = TestUnits.Expected();

        Gen.Shuffle(new long[] { 0, 1, 2, 3, 0, 2 }).Sample(order =>
        {
            var root = _folder[Guid.NewGuid().ToString("N")];
            Write(root, order);
            Assert.Equal(expected, TestUnits.Snapshot(root));
        }, iter: 30);
    }

    [Fact]
    public void Writers_at_the_same_time_leave_the_same_bytes()
    {
        var expected = TestUnits.Expected();
        for (var round = 0; round < 10; round++)
        {
            var root = _folder[$"round{round}"];
            Parallel.For(0, 12, writer => new FolderStore(root, TestUnits.Job).WriteUnit(writer % 4, TestUnits.Unit(writer % 4)));

            new FolderStore(root, TestUnits.Job).Finish(TestUnits.Count);

            Assert.Equal(expected, TestUnits.Snapshot(root));
        }
    }

    [Fact]
    public void A_killed_job_resumes_where_it_was()
    {
        var killed = new FolderStore(Root, TestUnits.Job);
        killed.WriteUnit(2, TestUnits.Unit(2));
        // What a kill in the middle of unit 0 leaves: some images published, a torn one and its list still staged.
        _folder.Add("set/bag/000000.png", TestUnits.Image(0).Png);
        _folder.Add("set/.staging/0-dead/000001.png", TestUnits.Image(1).Png[..20]);
        _folder.Add("set/.staging/0-dead/metadata.jsonl", TestUnits.Image(0).MetadataLine()[..9]);

        var store = new FolderStore(Root, TestUnits.Job);
        Assert.Equal([2], store.CommittedUnits());
        Write(Root, [0, 1, 3]);

        Assert.Equal(TestUnits.Expected(), TestUnits.Snapshot(Root));
    }

    [Fact]
    public void A_finished_set_takes_nothing_more_and_finishing_again_changes_nothing()
    {
        Write(Root, [0, 1, 2, 3]);
        var store = new FolderStore(Root, TestUnits.Job);

        Assert.Equal([0, 1, 2, 3], store.CommittedUnits().Order());
        store.WriteUnit(1, TestUnits.Unit(1));
        store.Finish(TestUnits.Count);
        Assert.Throws<StorageException>(() => store.WriteUnit(4, TestUnits.Unit(4)));
        Assert.Throws<StorageException>(() => store.Finish(5));

        Assert.Equal(TestUnits.Expected(), TestUnits.Snapshot(Root));
    }

    [Fact]
    public void A_job_that_stopped_between_its_list_and_its_mark_finishes_when_asked_again()
    {
        Write(Root, [0, 1, 2, 3], finish: false);
        _folder.Add("set/metadata.jsonl", [1, 2, 3]);

        new FolderStore(Root, TestUnits.Job).Finish(TestUnits.Count);

        Assert.Equal(TestUnits.Expected(), TestUnits.Snapshot(Root));
    }

    [Fact]
    public void Finishing_without_all_units_names_the_first_missing_one()
    {
        var store = new FolderStore(Root, TestUnits.Job);
        store.WriteUnit(0, TestUnits.Unit(0));
        store.WriteUnit(2, TestUnits.Unit(2));

        Assert.Contains("unit 1 of 3", Assert.Throws<StorageException>(() => store.Finish(3)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Root, FolderStore.MetadataFile)));
    }

    [Fact]
    public void A_folder_of_another_job_is_refused_and_stays_as_it_is()
    {
        Write(Root, [0, 1, 2, 3]);
        var before = TestUnits.Snapshot(Root);

        var error = Assert.Throws<StorageException>(() => new FolderStore(Root, "seed 8, 24 images"));

        Assert.Contains(Root, error.Message, StringComparison.Ordinal);
        Assert.Contains("seed 8", error.Message, StringComparison.Ordinal);
        Assert.Contains("seed 7", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, TestUnits.Snapshot(Root));
    }

    [Fact]
    public void A_folder_with_other_things_in_it_is_refused()
    {
        _folder.Add("set/holiday.jpg", [1]);

        var error = Assert.Throws<StorageException>(() => new FolderStore(Root, TestUnits.Job));

        Assert.Contains("holiday.jpg", error.Message, StringComparison.Ordinal);
        Assert.Equal(["holiday.jpg"], TestUnits.Snapshot(Root).Keys);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("{\"job\":")]
    [InlineData("[]")]
    public void A_damaged_job_file_is_named(string json)
    {
        var path = _folder.Add("set/.job.json", System.Text.Encoding.UTF8.GetBytes(json));

        Assert.Contains(path, Assert.Throws<StorageException>(() => new FolderStore(Root, TestUnits.Job)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../elsewhere")]
    [InlineData("/etc")]
    [InlineData("a\\b")]
    [InlineData("two\nlines")]
    [InlineData(".staging")]
    [InlineData("metadata.jsonl")]
    public void Class_names_that_are_no_plain_folder_are_refused_and_nothing_is_written(string name)
    {
        var store = new FolderStore(Root, TestUnits.Job);

        var error = Assert.Throws<StorageException>(() => store.WriteUnit(0, [TestUnits.Image(0), TestUnits.Image(1) with { Class = name }]));

        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal([".job.json"], TestUnits.Snapshot(Root).Keys);
    }

    [Fact]
    public void An_index_twice_or_below_zero_is_refused()
    {
        var store = new FolderStore(Root, TestUnits.Job);

        Assert.Throws<StorageException>(() => store.WriteUnit(0, [TestUnits.Image(3), TestUnits.Image(3)]));
        Assert.Throws<StorageException>(() => store.WriteUnit(0, [TestUnits.Image(3) with { Index = -1 }]));
    }

    [Fact]
    public void Metadata_keeps_other_alphabets_readable_and_large_indices_whole()
    {
        var line = System.Text.Encoding.UTF8.GetString(new LabelledImage(12_345_678, "Größe \"7\"", 2, [1]).MetadataLine());

        Assert.StartsWith("{\"file\":\"Größe \\\"7\\\"/12345678.png\",\"index\":12345678,\"class\":\"Größe \\\"7\\\"\",\"label\":2,\"sha256\":\"", line, StringComparison.Ordinal);
    }

    private static void Write(string root, IEnumerable<long> units, bool finish = true)
    {
        foreach (var unit in units)
        {
            new FolderStore(root, TestUnits.Job).WriteUnit(unit, TestUnits.Unit(unit));
        }

        if (finish)
        {
            new FolderStore(root, TestUnits.Job).Finish(TestUnits.Count);
        }
    }
}
