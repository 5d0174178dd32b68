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

    [Fact]
    public void Minimax_is_the_mean_of_its_formula()
    {
        var loss = GanLoss.Create(LossKind.Minimax);
        AssertMean(loss.OfReal, logit => Math.Log(1 + Math.Exp(-logit)));
        AssertMean(loss.OfFake, logit => Math.Log(1 + Math.Exp(logit)));
        AssertMean(loss.OfGenerator, logit => -Math.Log(1 + Math.Exp(logit)));
    }

    [Theory]
    [InlineData(LossKind.Minimax)]
    [InlineData(LossKind.NonSaturating)]
    public void Label_smoothing_is_one_sided(LossKind kind)
    {
        var loss = GanLoss.Create(kind, labelSmoothing: 0.1);
        AssertMean(loss.OfReal, logit => 0.9 * Math.Log(1 + Math.Exp(-logit)) + 0.1 * Math.Log(1 + Math.Exp(logit)));
        AssertMean(loss.OfFake, logit => Math.Log(1 + Math.Exp(logit)));
    }

    [Fact]
    public void Least_squares_is_the_mean_of_its_formula()
    {
        var loss = GanLoss.Create(LossKind.LeastSquares);
        AssertMean(loss.OfReal, logit => 0.5 * (logit - 1) * (logit - 1));
        AssertMean(loss.OfFake, logit => 0.5 * (logit + 1) * (logit + 1));
        AssertMean(loss.OfGenerator, logit => 0.5 * (logit - 1) * (logit - 1));
    }

    [Fact]
    public void Wasserstein_is_the_mean_of_its_formula()
    {
        var loss = GanLoss.Create(LossKind.Wasserstein);
        AssertMean(loss.OfReal, logit => -logit);
        AssertMean(loss.OfFake, logit => logit);
        AssertMean(loss.OfGenerator, logit => -logit);
    }

    [Fact]
    public void Relativistic_pairs_each_real_logit_with_the_fake_one_in_its_place()
    {
        using var scope = NewDisposeScope();
        var loss = GanLoss.CreatePaired(LossKind.Relativistic);
        double[] fakes = [3, -2, 0.5, 1, 0, -1, 2, 5, 39];
        var pairs = Logits.Zip(fakes).ToArray();
        var (real, fake) = (tensor(Logits).requires_grad_(), tensor(fakes).requires_grad_());

        var ofDiscriminator = loss.OfDiscriminator(real, fake);
        ofDiscriminator.backward();

        Assert.Equal(pairs.Average(pair => Math.Log(1 + Math.Exp(pair.Second - pair.First))), ofDiscriminator.item<double>(), tolerance: 1e-12);
        Assert.Equal(pairs.Average(pair => Math.Log(1 + Math.Exp(pair.First - pair.Second))), loss.OfGenerator(real, fake).item<double>(), tolerance: 1e-12);
        var slopes = pairs.Select(pair => 1 / (1 + Math.Exp(pair.First - pair.Second)) / pairs.Length).ToArray();
        Assert.Equal(slopes, fake.grad!.data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(slopes.Select(slope => -slope), real.grad!.data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void A_loss_is_one_of_pairs_or_a_sum_of_terms_as_the_preset_says()
    {
        foreach (var kind in Enum.GetValues<LossKind>())
        {
            var isPaired = (TrainingRig.Small() with { Loss = kind }).IsPaired;
            var (pairs, terms) = (Record.Exception(() => GanLoss.CreatePaired(kind)), Record.Exception(() => GanLoss.Create(kind)));
            Assert.IsType<ArgumentOutOfRangeException>(isPaired ? terms : pairs);
            Assert.Null(isPaired ? pairs : terms);
        }
    }

    [Theory]
    [InlineData(LossKind.Hinge)]
    [InlineData(LossKind.NonSaturating)]
    [InlineData(LossKind.Minimax)]
    [InlineData(LossKind.LeastSquares)]
    [InlineData(LossKind.Wasserstein)]
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
