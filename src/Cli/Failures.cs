namespace Ganymede.Cli;

/// <summary>What the command line returns to its caller.</summary>
public static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int BadInput = 2;
    public const int CannotConnect = 3;

    /// <summary>Ctrl-C or SIGTERM; a training run has written a checkpoint before, unless the second one cut it short.</summary>
    public const int Interrupted = 130;
}

/// <summary>An end that was foreseen: its lines are all the user gets to see, and its code is what the caller gets.</summary>
public class CommandException(int exitCode, IReadOnlyList<string> lines) : Exception(string.Join(Environment.NewLine, lines))
{
    public int ExitCode => exitCode;

    /// <summary>One line a problem, each naming the option, file, value or process it is about.</summary>
    public IReadOnlyList<string> Lines => lines;
}

/// <summary>The user's input cannot be used (exit code 2).</summary>
public sealed class BadInputException(params IReadOnlyList<string> problems) : CommandException(Cli.ExitCode.BadInput, problems);

/// <summary>The work was begun and did not succeed (exit code 1).</summary>
public sealed class FailedException(params IReadOnlyList<string> lines) : CommandException(Cli.ExitCode.Failed, lines);

/// <summary>A Coordinator cannot be reached (exit code 3); the message names its URL.</summary>
public sealed class CannotConnectException(string message) : CommandException(Cli.ExitCode.CannotConnect, [message]);

/// <summary>The user stopped it (exit code 130).</summary>
public sealed class InterruptedException(params IReadOnlyList<string> lines) : CommandException(Cli.ExitCode.Interrupted, lines);
