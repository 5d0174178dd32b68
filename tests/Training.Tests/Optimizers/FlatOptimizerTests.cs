using System.Runtime.InteropServices;
using Ganymede.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ganymede.Tests;

/// <summary>Each optimizer beside TorchSharp's own, and both of its paths beside each other.</summary>
public sealed class FlatOptimizerTests
{
    private const int Steps = 50, Shards = 4;

    private static readonly OptimizerSettings Adam = new(OptimizerKind.Adam, 1e-2, 0.5, 0.999);
    private static readonly OptimizerSettings AdamWithoutFirstMoment = new(OptimizerKind.Adam, 4e-4, 0, 0.9);
    private static readonly OptimizerSettings Sgd = new(OptimizerKind.Sgd, 0.05);
    private static readonly OptimizerSettings SgdWithMomentum = new(OptimizerKind.Sgd, 0.05, Momentum: 0.9);
    private static readonly OptimizerSettings RmsProp = new(OptimizerKind.RmsProp, 1e-2, Alpha: 0.95);
    private static readonly OptimizerSettings RmsPropWithMomentum = new(OptimizerKind.RmsProp, 1e-2, Momentum: 0.5);

    private static OptimizerSettings[] Kinds => [Adam, AdamWithoutFirstMoment, Sgd, SgdWithMomentum, RmsProp, RmsPropWithMomentum];

    public static TheoryData<OptimizerSettings, ScalarType, int> Cases
    {
        get
        {
            var data = new TheoryData<OptimizerSettings, ScalarType, int>();
            foreach (var settings in Kinds)
                foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
                    foreach (var size in new[] { 1, 7, 16, 33, 1_001 })
                        data.Add(settings, type, size);
            return data;
        }
    }

    /// <summary>Two parameters, so that padding lies between them: [size] and [3, 5].</summary>
    private sealed class TwoParameters : nn.Module
    {
        private readonly Parameter first;
        private readonly Parameter second;

        public TwoParameters(int size, ScalarType type) : base(nameof(TwoParameters))
        {
            using var random = new Generator(7);
            first = nn.Parameter(torch.randn([size], dtype: type, generator: random));
            second = nn.Parameter(torch.randn([3, 5], dtype: type, generator: random));
            RegisterComponents();
        }
    }

    /// <summary>A sum of <see cref="Shards"/> equal gradients in the buffer's layout; its mean is the network's gradient.</summary>
    private static byte[] GradientSum(FlatBuffer buffer, TwoParameters plain, int step)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator((ulong)step + 100);
        buffer.ZeroGradients();
        foreach (var ((_, parameter), entry) in plain.named_parameters().Zip(buffer.Layout.Entries))
        {
            parameter.grad = torch.randn(parameter.shape, dtype: parameter.dtype, generator: random);
            buffer.Gradients.narrow(0, entry.Offset, entry.Count).copy_(parameter.grad.flatten().Times(Shards));
        }

        return buffer.GradientBytes.ToArray();
    }

    private static optim.Optimizer Stock(OptimizerSettings settings, nn.Module module) => settings.Kind switch
    {
        OptimizerKind.Adam => optim.Adam(module.parameters(), settings.LearningRate, settings.Beta1, settings.Beta2),
        OptimizerKind.RmsProp => optim.RMSProp(module.parameters(), settings.LearningRate, settings.Alpha, momentum: settings.Momentum),
        _ => optim.SGD(module.parameters(), settings.LearningRate, settings.Momentum),
    };

    private static void AssertClose(Tensor expected, Tensor actual, double tolerance)
    {
        using var scope = NewDisposeScope();
        var error = (actual.Minus(expected).abs() / expected.abs().clamp_min(Scalars.One)).max().to(ScalarType.Float64).item<double>();
        Assert.InRange(error, 0, tolerance);
    }

    /// <summary>Half the rate from the middle on: what an optimizer remembers must not hold the rate of its time.</summary>
    private static double RateFactorOf(int step) => step < Steps / 2 ? 1 : 0.5;

    private static double Tolerance(ScalarType type) => type == ScalarType.Float64 ? 1e-12 : 1e-6;

    [Theory, MemberData(nameof(Cases))]
    public void Agrees_with_TorchSharps_own_optimizer_over_50_steps(OptimizerSettings settings, ScalarType type, int size)
    {
        using var plain = new TwoParameters(size, type);
        using var network = new TwoParameters(size, type);
        using var buffer = new FlatBuffer(network);
        using var stock = Stock(settings, plain);
        using var flat = FlatOptimizer.Create(settings, buffer);
        for (var step = 0; step < Steps; step++)
        {
            flat.RateFactor = RateFactorOf(step);
            foreach (var group in stock.ParamGroups)
                group.LearningRate = settings.LearningRate * RateFactorOf(step);
            flat.Update(buffer, GradientSum(buffer, plain, step), 1.0 / Shards);
            stock.step();
        }

        Assert.Equal(Steps, flat.Updates);
        foreach (var (expected, actual) in plain.parameters().Zip(network.parameters()))
            AssertClose(expected, actual, Tolerance(type));
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_path_for_other_devices_agrees_with_the_fused_one(OptimizerSettings settings, ScalarType type, int size)
    {
        using var plain = new TwoParameters(size, type);
        using var fused = new FlatBuffer(new TwoParameters(size, type));
        using var ofTorch = new FlatBuffer(new TwoParameters(size, type));
        using var optimizer = FlatOptimizer.Create(settings, fused);
        using var other = FlatOptimizer.Create(settings, ofTorch);
        for (var step = 0; step < Steps; step++)
        {
            var sum = GradientSum(ofTorch, plain, step);
            (optimizer.RateFactor, other.RateFactor) = (RateFactorOf(step), RateFactorOf(step));
            optimizer.Update(fused, sum, 1.0 / Shards);
            other.UpdateByTorch(ofTorch, sum, 1.0 / Shards);
        }

        AssertClose(ofTorch.Parameters, fused.Parameters, Tolerance(type));
    }

    [Theory, MemberData(nameof(Cases))]
    public void A_restored_optimizer_continues_bit_for_bit(OptimizerSettings settings, ScalarType type, int size)
    {
        using var plain = new TwoParameters(size, type);
        using var whole = new FlatBuffer(new TwoParameters(size, type));
        using var broken = new FlatBuffer(new TwoParameters(size, type));
        using var straight = FlatOptimizer.Create(settings, whole);
        var interrupted = FlatOptimizer.Create(settings, broken);
        for (var step = 0; step < 10; step++)
        {
            var sum = GradientSum(whole, plain, step);
            straight.Update(whole, sum, 1.0 / Shards);
            interrupted.Update(broken, sum, 1.0 / Shards);
            if (step != 4)
                continue;
            var saved = interrupted.CaptureState("g.").ToDictionary(tensor => tensor.Name);
            interrupted.Dispose();
            interrupted = FlatOptimizer.Create(settings, broken);
            interrupted.RestoreState(saved, "g.");
        }

        Assert.Equal(whole.ParameterBytes.ToArray(), broken.ParameterBytes.ToArray());
        interrupted.Dispose();
    }

    [Fact]
    public void State_that_does_not_fit_is_refused_and_changes_nothing()
    {
        using var buffer = new FlatBuffer(new TwoParameters(7, ScalarType.Float32));
        using var optimizer = FlatOptimizer.Create(Adam, buffer);
        optimizer.Update(buffer, buffer.GradientBytes, 1);
        var saved = optimizer.CaptureState("").ToDictionary(tensor => tensor.Name);
        Assert.Equal(["step", "exp_avg.first", "exp_avg.second", "exp_avg_sq.first", "exp_avg_sq.second"], saved.Keys);

        Assert.Contains("step", Refused(saved.Where(entry => entry.Key != "step")));
        Assert.Contains("exp_avg_sq.second is missing", Refused(saved.Where(entry => entry.Key != "exp_avg_sq.second")));
        Assert.Contains("exp_avg.first is F32 [8]", Refused(saved.Select(entry => entry.Key == "exp_avg.first"
            ? new(entry.Key, entry.Value with { Shape = [8] }) : entry)));
        Assert.Contains("step is -1", Refused(saved.Select(entry => entry.Key == "step"
            ? new(entry.Key, entry.Value with { Data = MemoryMarshal.AsBytes<long>([-1]).ToArray() }) : entry)));
        Assert.Equal(1, optimizer.Updates);

        string Refused(IEnumerable<KeyValuePair<string, NamedTensor>> tensors) =>
            Assert.Throws<CheckpointException>(() => optimizer.RestoreState(new Dictionary<string, NamedTensor>(tensors), "")).Message;
    }

    [Fact]
    public void An_update_allocates_nothing_per_parameter()
    {
        using var buffer = new FlatBuffer(new TwoParameters(1_000_000, ScalarType.Float32));
        foreach (var settings in Kinds)
        {
            using var optimizer = FlatOptimizer.Create(settings, buffer);
            optimizer.Update(buffer, buffer.GradientBytes, 1);
            var before = GC.GetAllocatedBytesForCurrentThread();
            optimizer.Update(buffer, buffer.GradientBytes, 1);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000);
        }
    }

    [Fact]
    public void Gradients_of_another_length_are_refused()
    {
        using var buffer = new FlatBuffer(new TwoParameters(7, ScalarType.Float32));
        using var larger = new FlatBuffer(new TwoParameters(70, ScalarType.Float32));
        using var optimizer = FlatOptimizer.Create(Adam, buffer);
        Assert.ThrowsAny<ArgumentException>(() => optimizer.Update(buffer, buffer.GradientBytes[..^4], 1));
        Assert.ThrowsAny<ArgumentException>(() => optimizer.Update(larger, larger.GradientBytes, 1));
    }
}
