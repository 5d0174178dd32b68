namespace Ganymede.Datasets;

/// <summary>A folder whose subfolders are the classes and hold PNG and JPEG files. Hidden names are passed over.</summary>
internal sealed class ClassFolders(string spec, string folder) : DataSource
{
    private static readonly string[] Extensions = [".png", ".jpg", ".jpeg"];

    public override string Name => spec;

    public override PackResult Read(PackSettings settings, CancellationToken cancel)
    {
        string[] classes = [.. Sorted(() => Directory.EnumerateDirectories(folder)).Select(path => Path.GetFileName(path))];
        if (classes.Length == 0)
        {
            throw new BadDataException($"--data {spec}: holds no subfolder; each class is a subfolder with its images.");
        }

        var (files, labels) = (new List<string>(), new List<int>());
        for (var label = 0; label < classes.Length; label++)
        {
            if (!ImagePack.IsClassName(classes[label]))
            {
                throw new BadDataException(
                    $"--data {spec}: subfolder '{OneLine(classes[label])}' cannot name a class (control characters, backslash or too long).");
            }

            var images = Sorted(() => Directory.EnumerateFiles(Path.Combine(folder, classes[label]))).Where(IsImage).ToArray();
            if (images.Length == 0)
            {
                throw new BadDataException(
                    $"--data {spec}: class '{classes[label]}' is empty: its folder holds no *.png, *.jpg or *.jpeg.");
            }

            files.AddRange(images);
            labels.AddRange(Enumerable.Repeat(label, images.Length));
        }

        return PackBuilder.Build(
            spec, classes, [.. labels], i => ImageDecoder.Read(files[i]), i => OneLine(Path.GetRelativePath(folder, files[i])),
            settings, cancel);
    }

    // File systems list names in any order; ordinal is the same everywhere.
    private string[] Sorted(Func<IEnumerable<string>> enumerate)
    {
        try
        {
            return enumerate().Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal).ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BadDataException($"--data {spec}: {e.Message}");
        }
    }

    private static bool IsImage(string path) => Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
