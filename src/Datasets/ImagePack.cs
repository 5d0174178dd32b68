namespace Ganymede.Datasets;

/// <summary>
/// A whole labelled image set in memory: N images of one size, uint8, channels first. The arrays are shared, not copied:
/// treat them as read-only.
/// </summary>
public sealed record ImagePack
{
    /// <summary>Largest height and width, pixels.</summary>
    public const int SizeLimit = 4096;

    private readonly int[] _classCounts;

    /// <param name="channels">1 (grey) or 3 (red, green, blue).</param>
    /// <param name="height">Pixels, 1..<see cref="SizeLimit"/>.</param>
    /// <param name="width">Pixels, 1..<see cref="SizeLimit"/>.</param>
    /// <param name="classes">Class names, distinct, each fit to be a folder's name; a label is an index into them.</param>
    /// <param name="labels">[N], each 0..classes-1; at least one.</param>
    /// <param name="pixels">[N, C, H, W].</param>
    /// <param name="background">[C]; null computes it from the borders.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public ImagePack(
        int channels, int height, int width, IReadOnlyList<string> classes, int[] labels, byte[] pixels, byte[]? background = null)
    {
        Require(channels is 1 or 3, $"{channels} channels; 1 or 3 are possible");
        Require(height is > 0 and <= SizeLimit && width is > 0 and <= SizeLimit, $"images of {height} x {width} pixels");
        Require(labels.Length > 0, "no images");
        Require(pixels.LongLength == (long)labels.Length * channels * height * width,
            $"{pixels.LongLength} bytes for {labels.Length} images of {channels} x {height} x {width}");
        Require(background is null || background.Length == channels, $"{background?.Length} background values for {channels} channels");
        Require(classes.Distinct(StringComparer.Ordinal).Count() == classes.Count, "a class name twice");
        foreach (var name in classes)
        {
            Require(IsClassName(name), $"class name '{name}', which cannot be a folder's name");
        }

        _classCounts = new int[classes.Count];
        foreach (var label in labels)
        {
            Require((uint)label < (uint)classes.Count, $"label {label} with {classes.Count} classes");
            _classCounts[label]++;
        }

        (Channels, Height, Width) = (channels, height, width);
        (Classes, Labels, Pixels) = (classes, labels, pixels);
        Background = background ?? MostFrequentBorderValues();
    }

    /// <summary>Number of images (N).</summary>
    public int Count => Labels.Length;

    /// <summary>1 or 3.</summary>
    public int Channels { get; }

    /// <summary>Pixels.</summary>
    public int Height { get; }

    /// <summary>Pixels.</summary>
    public int Width { get; }

    /// <summary>Bytes an image: C * H * W.</summary>
    public int ImageBytes => Channels * Height * Width;

    /// <summary>Class names in label order.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>[N], class index of each image.</summary>
    public int[] Labels { get; }

    /// <summary>[N, C, H, W].</summary>
    public byte[] Pixels { get; }

    /// <summary>[C], the most frequent value on the images' borders: what padding should look like.</summary>
    public byte[] Background { get; }

    /// <summary>Images of each class, in class order.</summary>
    public int[] ClassCounts => [.. _classCounts];

    /// <summary>One image, [C, H, W].</summary>
    public ReadOnlySpan<byte> Image(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return Pixels.AsSpan(index * ImageBytes, ImageBytes);
    }

    /// <summary>True for a name that is a single, visible folder on every system we write to.</summary>
    public static bool IsClassName(string? name) =>
        !string.IsNullOrWhiteSpace(name) && name.Length <= 200 && name[0] != '.'
        && !name.Any(c => char.IsControl(c) || c is '/' or '\\');

    private byte[] MostFrequentBorderValues()
    {
        var background = new byte[Channels];
        for (var channel = 0; channel < Channels; channel++)
        {
            var frequency = new long[256];
            for (var image = 0; image < Count; image++)
            {
                var plane = Image(image).Slice(channel * Height * Width, Height * Width);
                for (var y = 0; y < Height; y++)
                {
                    var inner = y > 0 && y < Height - 1;
                    for (var x = 0; x < Width; x += inner && x == 0 && Width > 1 ? Width - 1 : 1)
                    {
                        frequency[plane[y * Width + x]]++;
                    }
                }
            }

            background[channel] = (byte)Array.IndexOf(frequency, frequency.Max()); // of equals, the darkest
        }

        return background;
    }

    private static void Require(bool condition, string problem)
    {
        if (!condition)
        {
            throw new ArgumentException($"An image pack cannot have {problem}.");
        }
    }
}
