using Ganymede.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ganymede.Tests;

public sealed class FlatBufferTests
{
    private static nn.Module<Tensor, Tensor> Network(ScalarType type = ScalarType.Float32) => nn.Sequential(
        ("in", nn.Linear(5, 7, dtype: type)), ("norm", nn.BatchNorm1d(7, dtype: type)), ("out", nn.Linear(7, 3, dtype: type)));

    [Fact]
    public void Parameters_keep_their_values_and_lie_at_64_byte_boundaries_in_state_dict_order()
    {
        using var network = Network();
        var before = network.state_dict().ToDictionary(entry => entry.Key, entry => entry.Value.detach().clone().data<float>().ToArray());
        using var buffer = new FlatBuffer(network);

        Assert.Equal(["in.weight", "in.bias", "norm.weight", "norm.bias", "out.weight", "out.bias"], buffer.Layout.Entries.Select(e => e.Name));
        Assert.Equal(35 + 7 + 7 + 7 + 21 + 3, buffer.Layout.ParameterCount);
        var flat = TensorBytes.Elements<float>(buffer.Parameters).ToArray();
        var state = network.state_dict();
        foreach (var entry in buffer.Layout.Entries)
        {
            Assert.Equal(0, entry.Offset * sizeof(float) % FlatLayout.AlignmentBytes);
            Assert.Equal(before[entry.Name], flat.AsSpan(entry.Offset, entry.Count).ToArray());
            Assert.Equal(before[entry.Name], state[entry.Name].data<float>().ToArray());
        }
    }

    [Fact]
    public void Writing_the_flat_memory_changes_what_the_network_computes()
    {
        using var network = Network();
        using var buffer = new FlatBuffer(network);
        network.eval();
        buffer.ParameterBytes.Clear();
        TensorBytes.Elements<float>(buffer.Parameters)[buffer.Layout.Entries[^1].Offset + 1] = 2.5f;
        using var output = network.forward(randn(4, 5));
        Assert.Equal([0, 2.5f, 0, 0, 2.5f, 0, 0, 2.5f, 0, 0, 2.5f, 0], output.data<float>().ToArray());
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void Backward_adds_into_the_flat_gradient_and_leaves_padding_and_tail_zero(ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var plain = Network(type);
        using var network = Network(type);
        network.load_state_dict(plain.state_dict());
        using var buffer = new FlatBuffer(network, gradientTail: 5);
        var input = randn(4, 5, dtype: type);

        plain.forward(input).square().sum().backward();
        for (var repeat = 0; repeat < 2; repeat++)
        {
            // Twice, with zeroing between: the views must survive both.
            buffer.ZeroGradients();
            Assert.Equal(-1, buffer.GradientBytes.IndexOfAnyExcept((byte)0));
            network.forward(input).square().sum().backward();
        }

        var used = 0L;
        foreach (var (name, parameter) in plain.named_parameters())
        {
            var entry = buffer.Layout.Entries.Single(e => e.Name == name);
            var flat = buffer.Gradients.narrow(0, entry.Offset, entry.Count);
            Assert.True(flat.equal(parameter.grad!.flatten()).all().item<bool>(), name);
            used += flat.count_nonzero().item<long>();
        }

        Assert.Equal(buffer.Layout.Elements + 5, buffer.Gradients.shape[0]);
        Assert.Equal(used, buffer.Gradients.count_nonzero().item<long>());
        Assert.InRange(used, 1, buffer.Layout.ParameterCount);
    }

    [Fact]
    public void Splitting_and_joining_give_the_same_bytes_back()
    {
        using var network = Network();
        using var buffer = new FlatBuffer(network);
        var bytes = buffer.ParameterBytes.ToArray();
        var tensors = buffer.Layout.Split(bytes, "g.").ToDictionary(tensor => tensor.Name);
        Assert.Equal([7, 5], tensors["g.in.weight"].Shape);
        Assert.Equal(bytes, buffer.Layout.Join(tensors, "g."));

        tensors["g.in.bias"] = tensors["g.in.bias"] with { Shape = [1, 7] };
        Assert.Contains("g.in.bias is F32 [1, 7], expected F32 [7]",
            Assert.Throws<CheckpointException>(() => buffer.Layout.Join(tensors, "g.")).Message);
        tensors = buffer.Layout.Split(bytes, "g.").Where(tensor => tensor.Name != "g.out.bias").ToDictionary(tensor => tensor.Name);
        Assert.Contains("g.out.bias is missing", Assert.Throws<CheckpointException>(() => buffer.Layout.Join(tensors, "g.")).Message);
    }

    [Fact]
    public void A_restored_tensor_stays_a_view_of_the_flat_one()
    {
        using var network = Network();
        using var buffer = new FlatBuffer(network);
        var parameter = network.state_dict()["out.bias"];
        TensorBytes.Restore(TensorBytes.Capture("out.bias", arange(1f, 4f)), parameter);
        Assert.Equal([1f, 2f, 3f], TensorBytes.Elements<float>(buffer.Parameters).Slice(buffer.Layout.Entries[^1].Offset, 3).ToArray());

        var wrong = TensorBytes.Capture("out.bias", arange(1, 4, dtype: ScalarType.Float64));
        Assert.Equal("tensor out.bias is F64 [3], but the network has F32 [3]",
            Assert.Throws<CheckpointException>(() => TensorBytes.Restore(wrong, parameter)).Message);
    }

    [Fact]
    public void Nothing_is_left_alive_in_an_outer_dispose_scope()
    {
        using var network = Network();
        using var scope = NewDisposeScope();
        using (var buffer = new FlatBuffer(network))
        {
            buffer.ZeroGradients();
            TensorBytes.Capture("flat", buffer.Parameters);
        }

        Assert.Equal(0, scope.DisposablesCount);
    }

    [Fact]
    public void Parameters_of_two_types_or_of_none_are_refused()
    {
        using var mixed = nn.Sequential(("a", nn.Linear(2, 2)), ("b", nn.Linear(2, 2, dtype: ScalarType.Float64)));
        Assert.Contains("b.weight", Assert.Throws<ArgumentException>(() => new FlatBuffer(mixed)).Message);
        using var half = nn.Linear(2, 2, dtype: ScalarType.Float16);
        Assert.Contains("Float16", Assert.Throws<ArgumentException>(() => new FlatBuffer(half)).Message);
        using var none = nn.ReLU();
        Assert.Throws<ArgumentException>(() => new FlatBuffer(none));
    }
}
