namespace Ganymede.Cli;

/// <param name="Step">Committed steps when it struck.</param>
/// <param name="SecondsToNextCommit">Until the ledger had another line.</param>
internal sealed record ChaosFault(string Kind, string Victim, long Step, double SecondsToNextCommit);

/// <summary>The object that <c>chaos --json</c> prints.</summary>
/// <param name="Hangs">Faults after which no step was committed in time; the run was given up then.</param>
/// <param name="WeightsEqual">Both runs ended with the same weights, bit for bit.</param>
/// <param name="LedgerProblem">Null when the ledger has each sample exactly once.</param>
/// <param name="MemoryGrowth">Resident memory of the node that lived longest, at the end relative to its first report.</param>
internal sealed record ChaosResult(
    string Folder, ulong Seed, IReadOnlyList<ChaosFault> Faults, int Hangs, double MedianSecondsToNextCommit, double Percentile95SecondsToNextCommit,
    double MostSecondsToNextCommit, long Steps, long Views, string WeightsSha256, string QuietWeightsSha256, bool WeightsEqual, string? LedgerProblem,
    double MemoryGrowth)
{
    public bool Holds => Hangs == 0 && WeightsEqual && LedgerProblem is null;
}
