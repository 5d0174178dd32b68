namespace Ganymede.Messages;

/// <summary>Waits in which both ends have a part, so that one does not give up before the other.</summary>
public static class Deadlines
{
    /// <summary>Longest time for the members to fetch the data and build their replicas, and for those that are ready to wait for the rest.</summary>
    public static readonly TimeSpan Prepare = TimeSpan.FromMinutes(15);

    /// <summary>For a node that was asked to end: longest wait for the step in hand and for the Coordinator's word. Shorter than what hosts grant.</summary>
    public static readonly TimeSpan Leave = TimeSpan.FromSeconds(25);
}
