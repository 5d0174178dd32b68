using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Numbers for Torch's operations that no garbage collection can take away. TorchSharp 0.107 passes a <see
/// cref="Scalar"/>'s native pointer on without keeping the object alive: one made on the fly (<c>1 - x</c>, <c>x *
/// 0.5</c>, <c>leaky_relu(0.2)</c>, and even <c>a + b</c>, which makes one for its alpha) may be finalised while the
/// native code still reads it; then the operation throws, or computes with another number. So: constants from here,
/// other numbers in a <c>using Scalar</c>, tensors added by <see cref="Plus"/>.
/// </summary>
internal static class Scalars
{
    public static readonly Scalar Zero = 0.0;
    public static readonly Scalar Half = 0.5;
    public static readonly Scalar One = 1.0;
    public static readonly Scalar MinusOne = -1.0;

    /// <summary>a + b.</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, One);

    /// <summary>1 + a.</summary>
    public static Tensor PlusOne(this Tensor a) => a.add(One, One);

    /// <summary>a - b.</summary>
    public static Tensor Minus(this Tensor a, Tensor b) => a.add(b, MinusOne);

    /// <summary>a^2, element by element; TorchSharp's own makes a scalar for the exponent.</summary>
    public static Tensor Squared(this Tensor a) => a.mul(a);

    /// <summary>a times a number.</summary>
    public static Tensor Times(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        return a.mul(scalar);
    }

    /// <summary>a plus a number.</summary>
    public static Tensor Shifted(this Tensor a, double offset)
    {
        using Scalar scalar = offset;
        return a.add(scalar, One);
    }
}
