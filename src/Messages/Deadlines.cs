namespace Ganymede.Messages;

/// <summary>Waits in which both ends have a part, so that one does not give up before the other.</summary>
public static class Deadlines
{
    /// <summary>Longest time for the members to fetch the data and build their replicas, and for those that are ready to wait for the rest.</summary>
    public static readonly TimeSpan Prepare = TimeSpan.FromMinutes(15);
}
