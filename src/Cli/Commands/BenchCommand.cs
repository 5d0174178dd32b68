using System.CommandLine;

namespace Ganymede.Cli;

/// <summary><c>ganymede bench</c>: measurements, each with its peer in the same run.</summary>
internal static class BenchCommand
{
    public static Command Create() => new("bench", "Measures a part of it, with its peer beside it in the same run.") { BenchAllReduceCommand.Create(), BenchStepCommand.Create() };
}
