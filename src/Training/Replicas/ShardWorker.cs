using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Training;

/// <summary>
/// The forward and backward passes of one shard. Changes no state that outlives it: the same step, shard and weights
/// give the same bytes however often and in whatever order it is asked.
/// </summary>
internal sealed class ShardWorker : IDisposable
{
    private readonly TrainedNetwork<GeneratorNetwork> _generator;
    private readonly TrainedNetwork<DiscriminatorNetwork> _discriminator;
    private readonly ShardPlan _plan;
    private readonly Translation _translation;
    private readonly IGanLoss _loss;
    private readonly StatisticsScratch _ofReal;
    private readonly StatisticsScratch _ofFake;
    private readonly StatisticsScratch _ofGenerator;

    public ShardWorker(
        TrainedNetwork<GeneratorNetwork> generator,
        TrainedNetwork<DiscriminatorNetwork> discriminator,
        ShardPlan plan,
        Translation translation,
        IGanLoss loss)
    {
        (_generator, _discriminator, _plan, _translation, _loss) = (generator, discriminator, plan, translation, loss);
        (_ofReal, _ofFake) = (discriminator.Statistics.NewScratch(), discriminator.Statistics.NewScratch());
        _ofGenerator = generator.Statistics.NewScratch();
    }

    /// <summary>
    /// Gradient of D's loss over the shard's b real and b generated images; D's statistics are the mean of its two
    /// passes.
    /// </summary>
    public void Discriminate(long step, int shard, Span<byte> buffer)
    {
        using var scope = NewDisposeScope();
        _discriminator.CollectGradients(true);
        _discriminator.Flat.ZeroGradients();
        var augmentation = _plan.Augmentation(Phase.Discriminator, step, shard);

        var (images, labels) = _plan.Real(step, shard);
        _ofReal.Record();
        var (realLoss, realLogits) = Score(images, labels, _translation.Draw(augmentation, _plan.Samples), _loss.OfReal);
        realLoss.backward();

        var (noise, askedLabels) = _plan.Imagined(Phase.Discriminator, step, shard);
        var drawn = Draw(noise, askedLabels);
        _ofFake.Record();
        var (fakeLoss, fakeLogits) = Score(drawn, askedLabels, _translation.Draw(augmentation, _plan.Samples), _loss.OfFake);
        fakeLoss.backward();

        using var constant = no_grad();
        _discriminator.WriteTo(buffer, _ofReal.Values.Plus(_ofFake.Values).mul(Scalars.Half));
        Write(buffer, TrailerSlot.RealLoss, realLoss);
        Write(buffer, TrailerSlot.FakeLoss, fakeLoss);
        Write(buffer, TrailerSlot.RealAccuracy, realLogits.gt(Scalars.Zero).to(_discriminator.Type).mean());
        Write(buffer, TrailerSlot.FakeAccuracy, fakeLogits.le(Scalars.Zero).to(_discriminator.Type).mean());
    }

    /// <summary>Gradient of G's loss over b new images. D is a fixed function here: its parameters collect nothing.</summary>
    public void Generate(long step, int shard, Span<byte> buffer)
    {
        using var scope = NewDisposeScope();
        _discriminator.CollectGradients(false);
        _discriminator.Statistics.Discard();
        _generator.Flat.ZeroGradients();
        _ofGenerator.Record();
        var augmentation = _plan.Augmentation(Phase.Generator, step, shard);

        var (noise, labels) = _plan.Imagined(Phase.Generator, step, shard);
        var images = _generator.Network.forward(noise, labels);
        var (loss, logits) = Score(images, labels, _translation.Draw(augmentation, _plan.Samples), _loss.OfGenerator);
        loss.backward();

        using var constant = no_grad();
        _generator.WriteTo(buffer, _ofGenerator.Values);
        Write(buffer, TrailerSlot.GeneratorLoss, loss);
        Write(buffer, TrailerSlot.FakeAccuracy, logits.le(Scalars.Zero).to(_generator.Type).mean());
    }

    public void Dispose()
    {
        _ofReal.Dispose();
        _ofFake.Dispose();
        _ofGenerator.Dispose();
    }

    // In training mode, but nothing of it is recorded or differentiated: G is a fixed function while D learns.
    private Tensor Draw(Tensor noise, Tensor labels)
    {
        using var constant = no_grad();
        _generator.Statistics.Discard();
        return _generator.Network.forward(noise, labels);
    }

    private (Tensor Loss, Tensor Logits) Score(
        Tensor images, Tensor labels, IReadOnlyList<(int Down, int Right)> shifts, Func<Tensor, Tensor> loss)
    {
        var logits = _discriminator.Network.forward(_translation.Apply(images, shifts), labels);
        return (loss(logits), logits);
    }

    private void Write(Span<byte> buffer, TrailerSlot slot, Tensor scalar) =>
        Trailer.Write(buffer, _discriminator.Type, slot, scalar.to(ScalarType.Float64).item<double>());
}
