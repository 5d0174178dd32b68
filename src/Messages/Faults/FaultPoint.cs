namespace Ganymede.Messages;

/// <summary>Places in a GPU node's training at which a fault can be had, by name: for tests and <c>ganymede chaos</c>.</summary>
public enum FaultPoint
{
    /// <summary>Dies before it has fetched the data.</summary>
    DataLoad,

    /// <summary>Dies with a shard of phase D computed.</summary>
    DCompute,

    /// <summary>Dies in the all-reduce of D, with some of its part sent.</summary>
    DReduce,

    /// <summary>Dies with the sum of D at hand, before its update.</summary>
    DUpdate,

    /// <summary>Dies with a shard of phase G computed.</summary>
    GCompute,

    /// <summary>Dies in the all-reduce of G, with some of its part sent.</summary>
    GReduce,

    /// <summary>Dies with the sum of G at hand, before its update.</summary>
    GUpdate,

    /// <summary>The lead dies while it writes a checkpoint.</summary>
    Checkpoint,

    /// <summary>Dies in the view that lets it in, before it has fetched the state.</summary>
    Join,

    /// <summary>A bit of its weights flips between two steps, as in a bad memory; it lives.</summary>
    Weights,

    /// <summary>The gradient of a shard is not finite; it lives.</summary>
    Gradient,
}
