namespace Ganymede.Training;

/// <summary>
/// A copy of a replica's networks, averages and optimizers as they were after the last healthy window, in memory that is used again. It is itself part of the
/// replica's state, so every member holds the same one, a joiner receives it, and a checkpoint has it.
/// </summary>
internal sealed class GoodState
{
    private const string Prefix = "controller.good.";
    private static readonly string[] PartNames = ["generator", "discriminator", "ema", "optimizer"];

    private readonly StateMemory _memory = new();

    public ReplicaState State { get; private set; } = ReplicaState.Of([[], [], [], []]);

    /// <param name="copy">Copies the replica's state into the memory it is given.</param>
    public void Keep(Func<StateMemory, ReplicaState> copy)
    {
        _memory.Reset();
        State = copy(_memory);
    }

    public IEnumerable<NamedTensor> Capture(StateMemory? memory) => Copy(State, (part, tensor) => $"{Prefix}{part}.{tensor.Name}", memory).SelectMany(part => part);

    /// <exception cref="CheckpointException">There is none.</exception>
    public void Restore(IReadOnlyDictionary<string, NamedTensor> tensors)
    {
        var parts = PartNames.Select(part => Of(tensors, $"{Prefix}{part}.")).ToArray();
        if (parts.FirstOrDefault(part => part.Length == 0) is not null)
        {
            throw new CheckpointException($"tensors {Prefix}… are missing: the state that the controller would return to");
        }

        Keep(memory => ReplicaState.Of(Copy(ReplicaState.Of(parts), (_, tensor) => tensor.Name, memory)));
    }

    private static NamedTensor[] Of(IReadOnlyDictionary<string, NamedTensor> tensors, string prefix) =>
        [.. tensors.Where(tensor => tensor.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(tensor => tensor.Value with { Name = tensor.Key[prefix.Length..] })];

    private static IReadOnlyList<NamedTensor>[] Copy(ReplicaState state, Func<string, NamedTensor, string> name, StateMemory? memory) =>
        [.. state.Parts.Zip(PartNames, (tensors, part) => (IReadOnlyList<NamedTensor>)[.. tensors.Select(tensor =>
        {
            var copy = memory?.Take(tensor.Data.Length) ?? new byte[tensor.Data.Length];
            tensor.Data.Span.CopyTo(copy);
            return tensor with { Name = name(part, tensor), Data = copy };
        })])];
}
