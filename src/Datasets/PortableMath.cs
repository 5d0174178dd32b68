namespace Ganymede.Datasets;

/// <summary>
/// Logarithm, sine and cosine from IEEE additions, multiplications and divisions alone. Math.Log and Math.Sin call the
/// C library, whose last bit depends on its version and on the processor; two machines of one run would draw other noise.
/// </summary>
public static class PortableMath
{
    // 1/(2k+1), for the series of the area hyperbolic tangent.
    private static readonly double[] OddReciprocals = [.. Enumerable.Range(0, 12).Select(k => 1.0 / (2 * k + 1))];

    // (-1)^k/(2k+1)! and (-1)^k/(2k)!, for the Taylor series of sine and cosine.
    private static readonly double[] SineTerms = Alternating(start: 1, count: 10);
    private static readonly double[] CosineTerms = Alternating(start: 0, count: 10);

    /// <summary>Natural logarithm of a positive normal number, within 2 units in the last place.</summary>
    public static double Log(double x)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        var exponent = (int)(bits >> 52) - 1023;
        var mantissa = BitConverter.Int64BitsToDouble((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000); // 1..2
        if (mantissa > 1.4142135623730951)
        {
            mantissa *= 0.5;
            exponent++;
        }

        // ln m = 2 artanh s with |s| below 0.172, so twelve terms reach below 1e-19.
        var s = (mantissa - 1) / (mantissa + 1);
        return exponent * 0.6931471805599453 + 2 * s * Polynomial(OddReciprocals, s * s);
    }

    /// <summary>Sine and cosine of <paramref name="turns"/> full turns, 0 &lt;= turns &lt; 1, within 1e-15.</summary>
    public static (double Sine, double Cosine) SineAndCosine(double turns)
    {
        // Taking the nearest quarter turn away is exact, and leaves at most pi/4 for the series.
        var quarter = (int)(turns * 4 + 0.5);
        var x = (turns - quarter * 0.25) * (2 * Math.PI);
        var sine = x * Polynomial(SineTerms, x * x);
        var cosine = Polynomial(CosineTerms, x * x);
        return (quarter & 3) switch
        {
            0 => (sine, cosine),
            1 => (cosine, -sine),
            2 => (-sine, -cosine),
            _ => (-cosine, sine),
        };
    }

    private static double Polynomial(double[] coefficients, double x)
    {
        var sum = 0.0;
        for (var k = coefficients.Length - 1; k >= 0; k--)
        {
            sum = sum * x + coefficients[k];
        }

        return sum;
    }

    private static double[] Alternating(int start, int count)
    {
        var terms = new double[count];
        var factorial = 1.0;
        for (int k = 0, n = start; k < count; k++, n += 2)
        {
            terms[k] = (k % 2 == 0 ? 1 : -1) / factorial;
            factorial *= (n + 1) * (n + 2);
        }

        return terms;
    }
}
