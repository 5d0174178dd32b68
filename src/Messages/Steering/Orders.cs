using MessagePack;

namespace Ganymede.Messages;

/// <summary>What an operator may do to a run that goes on.</summary>
public enum RunOrder
{
    /// <summary>Hold it at the end of the step in hand, with a checkpoint, until it is resumed. Changes no weight.</summary>
    Pause,

    /// <summary>Go on.</summary>
    Resume,

    /// <summary>End it after the step in hand, with a checkpoint.</summary>
    Stop,

    /// <summary>Write a checkpoint after the step in hand, whatever is due.</summary>
    Checkpoint,
}

/// <summary>What an operator may do to a node.</summary>
public enum NodeOrder
{
    /// <summary>It leaves its run after the step in hand, gives back what it draws, and gets no new work.</summary>
    Drain,

    /// <summary>It gets work again.</summary>
    Undrain,
}

/// <summary>An operator, through any program or the HTTP API, to the Coordinator. Answered with <see cref="SteeringAnswer"/>.</summary>
/// <param name="Run">Its id; empty for the one that goes on.</param>
/// <param name="By">Who asks, for the log and the run's events: <c>pbm 127.0.0.1:51234</c>, <c>api key ops</c>.</param>
[MessagePackObject]
public sealed record SteerRun(
    [property: Key(0)] string Run,
    [property: Key(1)] RunOrder Order,
    [property: Key(2)] string By) : IClusterMessage;

/// <inheritdoc cref="SteerRun"/>
/// <param name="Node">Its id, or the name that the id begins with, if no other has it.</param>
[MessagePackObject]
public sealed record SteerNode(
    [property: Key(0)] string Node,
    [property: Key(1)] NodeOrder Order,
    [property: Key(2)] string By) : IClusterMessage;

/// <inheritdoc cref="SteerRun"/>
[MessagePackObject]
public sealed record CancelGeneration(
    [property: Key(0)] string Job,
    [property: Key(1)] string By) : IClusterMessage;

/// <summary>
/// An operator to the Coordinator: train this. Unlike <see cref="Api.RunRequest"/> it names a preset, which a GPU node resolves. Null,
/// 0 and empty values are the preset's, or the usual ones. Answered with <see cref="SteeringAnswer"/>, whose id is the run's.
/// </summary>
/// <param name="Folder">Absolute, or relative to the Coordinator's <c>Runs:Folder</c>; empty for a new one there.</param>
/// <param name="Data"><c>fashion-mnist</c>, <c>fashion-mnist-full</c>, <c>fashion-mnist-test</c>, or an absolute path.</param>
/// <param name="Resume">Go on with the run in <paramref name="Folder"/>, with its own data, preset and seed.</param>
[MessagePackObject]
public sealed record StartRun(
    [property: Key(0)] string Preset,
    [property: Key(1)] string[] Overrides,
    [property: Key(2)] string Data,
    [property: Key(3)] long Steps,
    [property: Key(4)] int Nodes,
    [property: Key(5)] ulong? Seed,
    [property: Key(6)] string Folder,
    [property: Key(7)] bool Resume,
    [property: Key(8)] string By) : IClusterMessage
{
    /// <summary>V; 0 for the preset's.</summary>
    [Key(9)]
    public int Shards { get; init; }

    /// <summary>Images of the global mini-batch; 0 for the preset's.</summary>
    [Key(10)]
    public int Batch { get; init; }

    /// <summary>Steps between checkpoints.</summary>
    [Key(11)]
    public long? CheckpointEvery { get; init; }

    /// <summary>Steps between sample grids.</summary>
    [Key(12)]
    public long? SampleEvery { get; init; }

    /// <summary>After how long a member that does nothing any more must be out of the run.</summary>
    [Key(13)]
    public double? MaxStallSeconds { get; init; }
}

/// <summary>An operator to the Coordinator: draw this. Answered with <see cref="SteeringAnswer"/>, whose id is the job's.</summary>
/// <param name="Run">A run's id, or its folder: absolute, or relative to <c>Runs:Folder</c>.</param>
/// <param name="Destination">Absolute; empty for <c>images</c> in the run's folder.</param>
[MessagePackObject]
public sealed record StartGeneration(
    [property: Key(0)] string Run,
    [property: Key(1)] long Count,
    [property: Key(2)] string[] Classes,
    [property: Key(3)] ulong? Seed,
    [property: Key(4)] string Destination,
    [property: Key(5)] int Nodes,
    [property: Key(6)] string By) : IClusterMessage;

/// <summary>The Coordinator to whoever steers: what came of it.</summary>
/// <param name="Done">False: nothing has changed, and <paramref name="Lines"/> says why.</param>
/// <param name="Id">Of the run, job or node that it is about.</param>
/// <param name="Unknown">There is no such run, job or node.</param>
[MessagePackObject]
public sealed record SteeringAnswer(
    [property: Key(0)] bool Done,
    [property: Key(1)] string[] Lines,
    [property: Key(2)] string? Id,
    [property: Key(3)] bool Unknown) : IClusterMessage
{
    public static SteeringAnswer Of(string id, string line) => new(true, [line], id, false);

    public static SteeringAnswer Refusal(params string[] lines) => new(false, lines, null, false);

    public static SteeringAnswer NotThere(string line) => new(false, [line], null, true);
}
