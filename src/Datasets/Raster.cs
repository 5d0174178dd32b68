namespace Ganymede.Datasets;

/// <summary>An opaque image as it was read, before it is brought to size.</summary>
/// <param name="Samples">[H, W, S] from <paramref name="Offset"/> on.</param>
/// <param name="Offset">Where the image begins in <paramref name="Samples"/>.</param>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="SamplesPerPixel">S: 1 (grey) or 3 (red, green, blue).</param>
internal readonly record struct Raster(byte[] Samples, int Offset, int Width, int Height, int SamplesPerPixel)
{
    public ReadOnlySpan<byte> Row(int y) => Samples.AsSpan(Offset + y * Width * SamplesPerPixel, Width * SamplesPerPixel);
}
