using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

public sealed class GanLossTests
{
    private static readonly double[] Logits = [-40, -2.5, -1, -0.25, 0, 0.75, 1, 3, 40];

    [Fact]
    public void Hinge_is_the_mean_of_its_formula()
    {
        var loss = GanLoss.Create(LossKind.Hinge);
        AssertMean(loss.OfReal, logit => Math.Max(0, 1 - logit));
        AssertMean(loss.OfFake, logit => Math.Max(0, 1 + logit));
        AssertMean(loss.OfGenerator, logit => -logit);
    }

    [Fact]
    public void Non_saturating_is_the_mean_of_its_formula()
    {
        var loss = GanLoss.Create(LossKind.NonSaturating);
        AssertMean(loss.OfReal, logit => Math.Log(1 + Math.Exp(-logit)));
        AssertMean(loss.OfFake, logit => Math.Log(1 + Math.Exp(logit)));
        AssertMean(loss.OfGenerator, logit => Math.Log(1 + Math.Exp(-logit)));
    }

    [Theory]
    [InlineData(LossKind.Hinge)]
    [InlineData(LossKind.NonSaturating)]
    public void A_fake_is_worth_less_to_D_the_more_real_it_looks_and_more_to_G(LossKind kind)
    {
        using var scope = NewDisposeScope();
        var loss = GanLoss.Create(kind);
        Assert.True(Slope(loss.OfFake) > 0);
        Assert.True(Slope(loss.OfReal) < 0);
        Assert.True(Slope(loss.OfGenerator) < 0);
    }

    private static void AssertMean(Func<Tensor, Tensor> loss, Func<double, double> formula)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(Logits.Average(formula), loss(tensor(Logits)).item<double>(), tolerance: 1e-12);
    }

    private static double Slope(Func<Tensor, Tensor> loss)
    {
        var logit = tensor(0.1, dtype: ScalarType.Float64).requires_grad_();
        loss(logit).backward();
        return logit.grad!.item<double>();
    }
}
