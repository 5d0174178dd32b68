using System.Globalization;

namespace Ganymede.Datasets;

/// <summary>Labelled images in two idx files; a label's name is its number unless the set has names.</summary>
internal sealed class IdxPair(
    string name, string imagesName, Func<Stream> openImages, string labelsName, Func<Stream> openLabels,
    IReadOnlyList<string>? classes = null)
    : DataSource
{
    public override string Name => name;

    /// <exception cref="BadDataException">One of the files is missing.</exception>
    public static IdxPair OfFiles(string spec, string images, string labels, IReadOnlyList<string>? classes = null)
    {
        foreach (var path in new[] { images, labels })
        {
            if (!File.Exists(path))
            {
                throw new BadDataException($"--data {spec}: no such file {path}.");
            }
        }

        return new IdxPair(spec, images, () => Open(images), labels, () => Open(labels), classes);
    }

    /// <summary>The pair in a folder, or null if it holds no idx files at all.</summary>
    /// <exception cref="BadDataException">More than one pair, half a pair, or no permission.</exception>
    public static IdxPair? InFolder(string spec, string folder)
    {
        string[] images, labels;
        try
        {
            images = Directory.GetFiles(folder, "*images*idx3*");
            labels = Directory.GetFiles(folder, "*labels*idx1*");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadDataException($"--data {spec}: {e.Message}");
        }

        return (images, labels) switch
        {
            ([], []) => null,
            ([var image], [var label]) => OfFiles(spec, image, label),
            _ => throw new BadDataException(
                $"--data {spec}: holds {images.Length} files *images*idx3* and {labels.Length} files *labels*idx1*, not one pair; "
                + "name two files: IMAGES,LABELS."),
        };
    }

    /// <summary>The pair of an images file and the labels file that has the matching standard name.</summary>
    /// <exception cref="BadDataException">No such labels file.</exception>
    public static IdxPair BesideImages(string spec, string images)
    {
        var file = Path.GetFileName(images);
        var labels = file.Replace("images", "labels", StringComparison.Ordinal).Replace("idx3", "idx1", StringComparison.Ordinal);
        if (labels == file)
        {
            throw new BadDataException($"--data {spec}: is one file; name an idx pair as IMAGES,LABELS, or a folder.");
        }

        return OfFiles(spec, images, Path.Combine(Path.GetDirectoryName(images)!, labels));
    }

    public override PackResult Read(PackSettings settings, CancellationToken cancel)
    {
        var images = IdxFile.ReadImages(openImages(), imagesName);
        var labels = IdxFile.ReadLabels(openLabels(), labelsName);
        if (images.Count != labels.Length)
        {
            throw new BadDataException($"--data: {imagesName} holds {images.Count} images, but {labelsName} {labels.Length} labels.");
        }

        var (names, first) = classes is null ? NumberedClasses(labels) : (classes, 0);
        var wrong = Array.FindIndex(labels, label => label < first || label - first >= names.Count);
        if (wrong >= 0)
        {
            var range = names.Count == 0
                ? "labels count from 0 or 1, and neither occurs"
                : $"the range is {first}..{first + names.Count - 1}";
            throw new BadDataException($"--data: {labelsName}: label {labels[wrong]} of image {wrong} is out of range; {range}.");
        }

        var imageBytes = images.Height * images.Width;
        return PackBuilder.Build(
            name, names, [.. labels.Select(label => label - first)],
            i => new Raster(images.Pixels, i * imageBytes, images.Width, images.Height, SamplesPerPixel: 1),
            i => $"{imagesName} #{i}", settings, cancel);
    }

    // Labels count from 0, or from 1 as in EMNIST's letters. A gap means that the file holds something else than labels,
    // or a class without images; everything from the gap on is out of range.
    private static (IReadOnlyList<string> Names, int First) NumberedClasses(byte[] labels)
    {
        var used = labels.ToHashSet();
        var first = used.Contains(0) ? 0 : 1;
        var count = 0;
        while (first + count <= byte.MaxValue && used.Contains((byte)(first + count)))
        {
            count++;
        }

        return ([.. Enumerable.Range(first, count).Select(label => label.ToString(CultureInfo.InvariantCulture))], first);
    }

    private static FileStream Open(string path)
    {
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadDataException($"--data: {e.Message}");
        }
    }
}
