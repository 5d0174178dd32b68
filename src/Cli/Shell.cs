using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using Ganymede.Datasets;
using Ganymede.Messages.Api;
using Ganymede.Training;

namespace Ganymede.Cli;

/// <summary>The command line as a whole: the commands, and what becomes of their failures.</summary>
public static class Shell
{
    /// <summary>All commands.</summary>
    private static RootCommand Root()
    {
        var root = new RootCommand("""
            Ganymede trains generative adversarial networks on a cluster and draws labelled images with them.

            Exit codes: 0 done, 1 failed, 2 bad input, 3 cannot connect, 130 interrupted (after a checkpoint).
            The launcher adds './ganymede test' and '--torch=cpu|cuda', which chooses the libtorch to build with.
            """)
        {
            DemoCommand.Create(),
            TrainCommand.Create(),
            GenerateCommand.Create(),
            EvaluateCommand.Create(),
            TuneCommand.Create(),
            ExplainCommand.Create(),
            UpCommand.Create(),
            StatusCommand.Create(),
            DownCommand.Create(),
            LogsCommand.Create(),
            PbmCommand.Create(),
            ChaosCommand.Create(),
            BenchCommand.Create(),
            PresetsCommand.Create(),
            DoctorCommand.Create(),
            VersionCommand.Create(),
        };
        root.HelpName = "./ganymede";
        return root;
    }

    /// <summary>Runs one command and returns its <see cref="ExitCode"/>; never throws.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        if (PbmCommand.IsMeant(arguments))
        {
            try
            {
                return await PbmCommand.RunAsync([.. arguments.Skip(1)]);
            }
            catch (Exception error)
            {
                return await ReportAsync(error);
            }
        }

        var parsed = Root().Parse(arguments);
        if (parsed.Action is ParseErrorAction)
            return Refuse(parsed);
        try
        {
            // Signals are the commands' own business (Interruption), and so are exceptions (below).
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception error)
        {
            return await ReportAsync(error);
        }
    }

    private static int Refuse(ParseResult parsed)
    {
        if (parsed.Tokens.Count == 0)
        {
            Root().Parse(["--help"]).Invoke(new InvocationConfiguration { Output = Console.Error });
            return ExitCode.BadInput;
        }

        foreach (var problem in parsed.Errors.Select(error => error.Message).Distinct())
            Console.Error.WriteLine($"ganymede: {problem}{Suggestion(problem, parsed)}");
        var path = string.Join(' ', CommandPath(parsed.CommandResult.Command));
        Console.Error.WriteLine($"ganymede: '{path} --help' lists what there is.");
        return ExitCode.BadInput;
    }

    private static string Suggestion(string problem, ParseResult parsed)
    {
        var wrong = parsed.UnmatchedTokens.FirstOrDefault(token => problem.Contains($"'{token}'", StringComparison.Ordinal));
        if (wrong is null)
            return "";
        var command = parsed.CommandResult.Command;
        var near = Spelling.Nearest(wrong, command.Options.Select(option => option.Name).Concat(command.Subcommands.Select(sub => sub.Name)));
        return near is null ? "" : $" Did you mean '{near}'?";
    }

    private static IEnumerable<string> CommandPath(Command command) => command is RootCommand
        ? ["./ganymede"]
        : command.Parents.OfType<Command>().SelectMany(CommandPath).Append(command.Name);

    private static async Task<int> ReportAsync(Exception error)
    {
        switch (error)
        {
            case CommandException known:
                foreach (var line in known.Lines)
                    await Console.Error.WriteLineAsync($"ganymede: {line}");
                return known.ExitCode;
            case BadDataException or PresetException:
                await Console.Error.WriteLineAsync($"ganymede: {error.Message}");
                return ExitCode.BadInput;
            case NativeBackendException:
                await Console.Error.WriteLineAsync($"ganymede: {error.Message}");
                return ExitCode.Failed;
            default:
                await Console.Error.WriteLineAsync($"ganymede: unexpected {error.GetType().Name}: {FirstLine(error.Message)} ({WriteStack(error)})");
                return ExitCode.Failed;
        }
    }

    private static string FirstLine(string text) => text.Split('\n', 2)[0].TrimEnd();

    private static string WriteStack(Exception error)
    {
        var path = Path.Combine(Path.GetTempPath(), string.Create(
            CultureInfo.InvariantCulture, $"ganymede-error-{DateTime.UtcNow:yyyyMMdd-HHmmss}-{Environment.ProcessId}.log"));
        try
        {
            File.WriteAllText(path, error.ToString());
            return $"details: {path}";
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return $"details could not be written to {path}: {failure.Message}";
        }
    }
}
