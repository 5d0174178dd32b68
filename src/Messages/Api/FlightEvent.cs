namespace Ganymede.Messages.Api;

/// <summary>A line of a member's flight record, <c>recorder/NODE.jsonl</c> in the run's folder.</summary>
/// <param name="What"><c>view</c> begins, <c>compute</c>, <c>sum</c> (waited for it), <c>update</c>, <c>fetch</c>, <c>suspect</c>, <c>halt</c>, <c>end</c>.</param>
/// <param name="Phase">0 for D, 1 for G.</param>
/// <param name="Milliseconds">How long it took; 0 for a moment.</param>
public sealed record FlightEvent(
    DateTimeOffset Time, string Node, string What, long View, long Step, int Phase, double Milliseconds, string? Text)
{
    public const string Folder = "recorder";
}
