using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// Relativistic pairing (Jolicoeur-Martineau, 2019; with R1 and R2 the loss of R3GAN: Huang, Gokaslan, Kuleshov and Tompkin, 2024):
/// L_D = E softplus(D(G(z)) - D(x)), L_G = E softplus(D(x) - D(G(z))). Image i of a shard is paired with the shard's i-th generated one.
/// </summary>
public sealed class RelativisticLoss : IPairedLoss
{
    public Tensor OfDiscriminator(Tensor real, Tensor fake)
    {
        using var scope = NewDisposeScope();
        return CrossEntropy.TowardsFake(fake.Minus(real)).MoveToOuterDisposeScope();
    }

    public Tensor OfGenerator(Tensor real, Tensor fake)
    {
        using var scope = NewDisposeScope();
        return CrossEntropy.TowardsFake(real.Minus(fake)).MoveToOuterDisposeScope();
    }
}
