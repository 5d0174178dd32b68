using Ganymede.Storage;

namespace Ganymede.Tests;

/// <summary>A small job of four units of six images in three classes, and how to look at what a folder holds.</summary>
internal static class TestUnits
{
    public const int Count = 4, ImagesPerUnit = 6;
    public const string Job = "seed 7, 24 images";
    private static readonly string[] Classes = ["bag", "coat", "dress"];

    public static LabelledImage[] Unit(long unit) => [.. Enumerable.Range(0, ImagesPerUnit).Select(i => Image(unit * ImagesPerUnit + i))];

    public static LabelledImage Image(long index)
    {
        var label = (int)(index % Classes.Length);
        byte[] pixels = [.. Enumerable.Range(0, 64).Select(p => (byte)(p * (index + 1)))];
        return new LabelledImage(index, Classes[label], label, Png.Encode(pixels, 1, 8, 8), Seed: 7);
    }

    /// <summary>All files of a folder, hidden ones too, with their bytes in hex.</summary>
    public static SortedDictionary<string, string> Snapshot(string root) => new(
        Directory.EnumerateFiles(root, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
            .ToDictionary(path => Path.GetRelativePath(root, path), path => Convert.ToHexString(File.ReadAllBytes(path))),
        StringComparer.Ordinal);

    /// <summary>What the finished job must look like, written in order by one writer.</summary>
    public static SortedDictionary<string, string> Expected()
    {
        using var folder = new TemporaryFolder();
        var store = new FolderStore(folder["set"], Job);
        for (var unit = 0; unit < Count; unit++)
        {
            store.WriteUnit(unit, Unit(unit));
        }

        store.Finish(Count);
        return Snapshot(folder["set"]);
    }
}
