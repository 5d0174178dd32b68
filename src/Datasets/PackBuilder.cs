namespace Ganymede.Datasets;

/// <summary>Reads images in parallel into the places their order gives them, so the pack does not depend on timing.</summary>
internal static class PackBuilder
{
    private const int NamedFiles = 10;

    /// <param name="source">How messages call the source.</param>
    /// <param name="classes">Class names in label order.</param>
    /// <param name="labels">[N] class index of each image.</param>
    /// <param name="read">Image i; may throw <see cref="UnreadableImageException"/>; called from several threads.</param>
    /// <param name="pathOf">How messages call image i.</param>
    /// <param name="settings">Size and channels of the pack, and what unreadable images do.</param>
    /// <param name="cancel">Stops the reading.</param>
    public static PackResult Build(
        string source, IReadOnlyList<string> classes, int[] labels, Func<int, Raster> read, Func<int, string> pathOf,
        PackSettings settings, CancellationToken cancel)
    {
        if (settings.Channels is not (1 or 3) || settings.Size is < 1 or > ImagePack.SizeLimit)
        {
            throw new ArgumentOutOfRangeException(nameof(settings), settings, "Channels are 1 or 3, size 1 to 4096.");
        }

        var imageBytes = settings.Channels * settings.Size * settings.Size;
        if ((long)labels.Length * imageBytes > Array.MaxLength)
        {
            throw new BadDataException(
                $"--data {source}: {labels.Length} images of {settings.Channels} x {settings.Size} x {settings.Size} "
                + "need more than 2 GiB.");
        }

        var resampler = new Resampler(settings.Size, settings.Channels);
        var pixels = new byte[labels.Length * imageBytes];
        var failures = new UnreadableFile?[labels.Length];
        var options = new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Environment.ProcessorCount };
        Parallel.For(0, labels.Length, options, i =>
        {
            try
            {
                resampler.Resample(read(i), pixels.AsSpan(i * imageBytes, imageBytes));
            }
            catch (UnreadableImageException e)
            {
                failures[i] = new UnreadableFile(pathOf(i), e.Message);
            }
        });

        UnreadableFile[] unreadable = [.. failures.OfType<UnreadableFile>()];
        if (unreadable.Length > 0)
        {
            if (!settings.SkipUnreadable)
            {
                throw new BadDataException(Describe(source, unreadable));
            }

            (labels, pixels) = Without(failures, labels, pixels, imageBytes);
        }

        for (var label = 0; label < classes.Count; label++)
        {
            if (!labels.Contains(label))
            {
                throw new BadDataException($"--data {source}: class '{classes[label]}' has no image that can be read.");
            }
        }

        return new PackResult(new ImagePack(settings.Channels, settings.Size, settings.Size, classes, labels, pixels), unreadable);
    }

    private static (int[] Labels, byte[] Pixels) Without(UnreadableFile?[] failures, int[] labels, byte[] pixels, int imageBytes)
    {
        int[] kept = [.. Enumerable.Range(0, labels.Length).Where(i => failures[i] is null)];
        for (var i = 0; i < kept.Length; i++)
        {
            Buffer.BlockCopy(pixels, kept[i] * imageBytes, pixels, i * imageBytes, imageBytes);
        }

        return ([.. kept.Select(i => labels[i])], pixels[..(kept.Length * imageBytes)]);
    }

    private static string Describe(string source, UnreadableFile[] unreadable)
    {
        var named = string.Join(", ", unreadable.Take(NamedFiles).Select(file => $"{file.Path} ({file.Reason})"));
        var more = unreadable.Length > NamedFiles ? $" ... and {unreadable.Length - NamedFiles} more" : "";
        var images = unreadable.Length == 1 ? "1 image" : $"{unreadable.Length} images";
        return $"--data {source}: {images} cannot be read: {named}{more}. Repair or remove them, or pass --skip-unreadable.";
    }
}
