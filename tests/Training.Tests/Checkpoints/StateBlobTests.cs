using Ganymede.Training;

namespace Ganymede.Tests;

/// <summary>A replica's state as it goes from a member to one that joins.</summary>
public sealed class StateBlobTests
{
    private static readonly ReplicaState State = new(
        [new NamedTensor("g", TensorType.F32, [2], new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 })], [new NamedTensor("d", TensorType.F64, [1], new byte[8])],
        [], [new NamedTensor("step", TensorType.I64, [], new byte[] { 9, 0, 0, 0, 0, 0, 0, 0 })]);

    [Fact]
    public void It_comes_out_as_it_went_in()
    {
        var (state, step) = StateBlob.Read(StateBlob.Write(State, 17));

        Assert.Equal(17, step);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], Assert.Single(state.Generator).Data.ToArray());
        Assert.Equal("d", Assert.Single(state.Discriminator).Name);
        Assert.Empty(state.Ema);
        Assert.Equal(9, Assert.Single(state.Optimizer).Data.Span[0]);
    }

    [Fact]
    public void Any_flipped_byte_and_any_cut_is_found()
    {
        var whole = StateBlob.Write(State, 17);

        for (var i = 0; i < whole.Length; i++)
        {
            var altered = whole.ToArray();
            altered[i] ^= 1;
            Assert.Throws<CheckpointException>(() => StateBlob.Read(altered));
            Assert.Throws<CheckpointException>(() => StateBlob.Read(whole[..i]));
        }
    }
}
