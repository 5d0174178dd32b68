namespace Ganymede.Storage;

/// <summary>Lays images out in rows and columns on white, as one image to look at.</summary>
public static class ImageGrid
{
    private const byte White = 255;

    /// <param name="nchw">[count, channels, height, width].</param>
    /// <param name="count">Images, at least 1.</param>
    /// <param name="channels">Of an image and of the grid.</param>
    /// <param name="height">Of an image, pixels.</param>
    /// <param name="width">Of an image, pixels.</param>
    /// <param name="columns">Images in a row, at least 1; the last row may be unfilled, a single row is cut to its images.</param>
    /// <param name="padding">White pixels around each image, at least 0.</param>
    /// <param name="gridHeight">Of the result, pixels.</param>
    /// <param name="gridWidth">Of the result, pixels.</param>
    /// <returns>[channels, gridHeight, gridWidth].</returns>
    public static byte[] Compose(
        ReadOnlySpan<byte> nchw, int count, int channels, int height, int width, int columns, int padding,
        out int gridHeight, out int gridWidth)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        ArgumentOutOfRangeException.ThrowIfNotEqual(nchw.Length, (long)count * channels * height * width, nameof(nchw));

        columns = Math.Min(columns, count);
        var rows = (count + columns - 1) / columns;
        gridHeight = rows * (height + padding) + padding;
        gridWidth = columns * (width + padding) + padding;

        var grid = new byte[checked(channels * gridHeight * gridWidth)];
        Array.Fill(grid, White);
        for (var image = 0; image < count; image++)
        {
            var top = padding + image / columns * (height + padding);
            var left = padding + image % columns * (width + padding);
            for (var c = 0; c < channels; c++)
            {
                for (var y = 0; y < height; y++)
                {
                    nchw.Slice(((image * channels + c) * height + y) * width, width)
                        .CopyTo(grid.AsSpan((c * gridHeight + top + y) * gridWidth + left));
                }
            }
        }

        return grid;
    }
}
