namespace Ganymede.Cli;

/// <summary>One fault, and what became of it.</summary>
/// <param name="Kind">Such as <c>stop</c> or <c>kill@DReduce</c>.</param>
/// <param name="Victim">The process, or several.</param>
/// <param name="Step">Committed steps when it struck.</param>
/// <param name="SecondsToNextCommit">Until the ledger had another line; where the fault ends a view, a line of a later view.</param>
/// <param name="SecondsToEviction">Until the Coordinator said that the victim is out; null where nobody had to go.</param>
/// <param name="Named">Whether exactly those were evicted who had to go, and the phase that a peer named is the one of the fault; null where nobody had to go.</param>
/// <param name="Text">What a peer, or the Coordinator, said of it first.</param>
/// <param name="StepsMeanwhile">Of a Coordinator's death: steps committed until another took over.</param>
internal sealed record ChaosFault(
    string Kind, string Victim, long Step, double SecondsToNextCommit, double? SecondsToEviction, bool? Named, string? Text, long? StepsMeanwhile);

/// <summary>The object that <c>chaos --json</c> prints.</summary>
/// <param name="Hangs">Faults after which no step was committed in time; the run was given up then.</param>
/// <param name="MedianStepSeconds">Of a step in peace.</param>
/// <param name="BarSeconds">What a recovery may take: a second, or three steps.</param>
/// <param name="Recoveries">Seconds to the next commit, by kind and for all.</param>
/// <param name="MaxStallSeconds">Within which a victim is to be out.</param>
/// <param name="Evictions">Seconds to the eviction, of those who had to go.</param>
/// <param name="SurvivorsLost">Nodes that ended though nothing was done to them.</param>
/// <param name="KeptOut">Nodes that did not become members after the Lighthouse was back.</param>
/// <param name="WeightsEqual">Both runs ended with the same weights, bit for bit.</param>
/// <param name="LedgerProblem">Null when the ledger has each sample exactly once.</param>
/// <param name="MemoryGrowth">Resident memory of the node that lived longest: the last quarter relative to the second.</param>
internal sealed record ChaosResult(
    string Folder, ulong Seed, int Hangs, double MedianStepSeconds, double BarSeconds, IReadOnlyList<Distribution> Recoveries, double MaxStallSeconds, Distribution Evictions,
    IReadOnlyList<string> SurvivorsLost, IReadOnlyList<string> KeptOut, long Steps, long Views, string WeightsSha256, string QuietWeightsSha256, bool WeightsEqual, string? LedgerProblem,
    double MemoryGrowth, IReadOnlyList<ChaosFault> Faults)
{
    public bool Holds => Hangs == 0 && WeightsEqual && LedgerProblem is null && SurvivorsLost.Count == 0 && KeptOut.Count == 0 && Faults.All(fault => fault.Named != false);
}
