namespace Ganymede.Training;

/// <summary>Between pixels 0..255 and the networks' -1..1.</summary>
public static class PixelScale
{
    /// <summary>0 becomes -1 and 255 becomes 1.</summary>
    public static double ToUnit(byte pixel) => pixel / 127.5 - 1;

    /// <summary>The nearest pixel value, halves up; beyond -1..1 the nearest end, and 0 for what is not a number.</summary>
    public static byte ToPixel(double unit) =>
        double.IsNaN(unit) ? (byte)0 : (byte)Math.Clamp(Math.Floor((unit + 1) * 127.5 + 0.5), 0, 255);
}
