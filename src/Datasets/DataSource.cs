namespace Ganymede.Datasets;

/// <summary>Where labelled images come from: what <c>--data</c> names.</summary>
public abstract class DataSource
{
    private static readonly OrderedDictionary<string, Func<DataSource>> _named = new(StringComparer.Ordinal)
    {
        [FashionMnist.SubsetName] = FashionMnist.Subset,
        [FashionMnist.FullName] = () => FashionMnist.Full(FashionMnist.PackageFolder),
        [FashionMnist.TestName] = () => FashionMnist.Test(FashionMnist.PackageFolder),
    };

    /// <summary>The specification as the user gave it, for display.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Finds the source behind <paramref name="spec"/>: a named set, an idx pair (<c>IMAGES,LABELS</c>, a folder with just
    /// one pair, or the images' file beside its labels), or a folder with a subfolder for each class. Looks only whether
    /// files exist.
    /// </summary>
    /// <param name="spec">The value of <c>--data</c>.</param>
    /// <param name="baseFolder">What relative paths are relative to; null is the current folder.</param>
    /// <exception cref="BadDataException">Nothing there, or not clear what; one line that names <c>--data</c>.</exception>
    public static DataSource Resolve(string spec, string? baseFolder = null)
    {
        if (string.IsNullOrWhiteSpace(spec))
        {
            throw new BadDataException($"--data is empty; give {Choices}.");
        }

        if (spec.Contains('\0', StringComparison.Ordinal))
        {
            throw new BadDataException("--data holds a zero character.");
        }

        return _named.TryGetValue(spec, out var named) ? named() : FromPath(spec, baseFolder ?? Directory.GetCurrentDirectory());
    }

    /// <summary>Whether <paramref name="spec"/> is one of the sets that have a name, rather than a path.</summary>
    public static bool IsNamed(string spec) => _named.ContainsKey(spec);

    /// <summary>Reads, converts and packs all images. The same files and settings give the same pack.</summary>
    /// <exception cref="BadDataException">The data cannot be used; one line that names <c>--data</c> and the file.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public abstract PackResult Read(PackSettings settings, CancellationToken cancel);

    private static string Choices =>
        $"{string.Join(", ", _named.Keys)}, a folder with one subfolder of images a class, or an idx pair IMAGES,LABELS";

    private static DataSource FromPath(string spec, string baseFolder)
    {
        var path = Path.GetFullPath(spec, baseFolder);
        if (Directory.Exists(path))
        {
            return IdxPair.InFolder(spec, path) is { } pair ? pair : new ClassFolders(spec, path);
        }

        if (File.Exists(path))
        {
            return IdxPair.BesideImages(spec, path);
        }

        if (spec.Split(',') is [var images, var labels])
        {
            return IdxPair.OfFiles(spec, Path.GetFullPath(images.Trim(), baseFolder), Path.GetFullPath(labels.Trim(), baseFolder));
        }

        throw new BadDataException($"--data {spec}: no such data set, file or folder; give {Choices}.");
    }
}
