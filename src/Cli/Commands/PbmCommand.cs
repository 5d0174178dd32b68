using System.CommandLine;
using System.Runtime.InteropServices;
using Ganymede.Commands;

namespace Ganymede.Cli;

/// <summary><c>ganymede pbm</c>: the operators' shell. Its words are the endpoint's to understand, so they do not go through the parser of the rest.</summary>
internal static class PbmCommand
{
    /// <summary>For help only; <see cref="RunAsync"/> does the work.</summary>
    public static Command Create() => new("pbm", """
        Operators' commands to a running program: [HOST:PORT] [PALETTE COMMAND [-x value]...].
        Without a command it reads them at a prompt, with Tab and history. HOST:PORT is by default that of
        GANYMEDE__PBM__HOST and GANYMEDE__PBM__PORT, or 127.0.0.1:9110. 'pbm help' lists the commands, which come from the
        program; 'pbm help run start' tells what one takes. --json, before the command, prints one JSON object
        {host, command, done, lines, problem}.
        Exit codes: 0 done, 1 the command failed, 2 it was not understood, 3 no connection.
        """)
    {
        new Argument<string[]>("words") { Description = "HOST:PORT, and the command.", Arity = ArgumentArity.ZeroOrMore },
    };

    /// <summary>True when the words are this command's, and not a question for its help.</summary>
    public static bool IsMeant(IReadOnlyList<string> arguments) => arguments is ["pbm", ..] && arguments is not ["pbm", "--help" or "-h" or "-?"];

    /// <param name="arguments">All after <c>pbm</c>.</param>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var words = arguments.ToList();
        var json = words.Remove("--json");
        var target = PbmTarget.Default;
        if (words.Count > 0 && words[0].Contains(':', StringComparison.Ordinal))
        {
            target = PbmTarget.TryParse(words[0]) ?? throw new BadInputException($"pbm {words[0]}: HOST:PORT is expected.");
            words.RemoveAt(0);
        }

        try
        {
            await using var client = await PbmClient.ConnectAsync(target.Host, target.Port, CancellationToken.None);
            return words.Count > 0 ? await OnceAsync(client, words, new Terminal(json), json)
                : json ? throw new BadInputException("pbm --json: a command is expected.")
                : await ConverseAsync(client);
        }
        catch (PbmNoConnectionException error)
        {
            throw new CannotConnectException($"pbm {error.Message}");
        }
    }

    private static async Task<int> OnceAsync(PbmClient client, List<string> words, Terminal terminal, bool json)
    {
        List<string> lines = [];
        var problem = await RunAsync(client, words, line =>
        {
            if (json)
                lines.Add(line);
            else
                terminal.Line(line);
        });
        terminal.Result(new { host = client.Address, command = string.Join(' ', words), done = problem is null, lines, problem = problem?.Message });
        if (problem is null)
            return ExitCode.Done;
        foreach (var line in problem.Message.Split(Environment.NewLine))
            await Console.Error.WriteLineAsync($"ganymede: {line}");
        return problem.IsUsage ? ExitCode.BadInput : ExitCode.Failed;
    }

    private static async Task<int> ConverseAsync(PbmClient client)
    {
        var prompt = new Prompt($"[{client.Address}] pbm> ", line => Completion.Of(line, client.Welcome.Palettes));
        while (prompt.Read() is { } line)
        {
            try
            {
                var words = WordSplitter.Split(line);
                if (words is ["exit" or "quit"])
                    break;
                if (words.Length > 0 && await RunAsync(client, words, Console.WriteLine) is { } problem)
                    Console.WriteLine(problem.Message);
            }
            catch (PbmException error)
            {
                Console.WriteLine(error.Message);
            }
        }

        return ExitCode.Done;
    }

    /// <summary>One command; Ctrl-C ends it, not the shell. Returns why it was not done, null when it was.</summary>
    private static async Task<PbmException?> RunAsync(PbmClient client, IReadOnlyList<string> words, Action<string> show)
    {
        if (words[0] == "help")
        {
            if (PbmHelp.Of(client.Welcome, [.. words.Skip(1)]) is not { } help)
                return PbmException.Usage($"There is no help on '{string.Join(' ', words.Skip(1))}'.");
            foreach (var line in help)
                show(line);
            return null;
        }

        using var enough = new CancellationTokenSource();
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
        {
            context.Cancel = true;
            enough.Cancel();
        });
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            enough.Cancel();
        });
        try
        {
            await foreach (var line in client.RunAsync(words, enough.Token))
                show(line);
            return null;
        }
        catch (PbmException error)
        {
            return error;
        }
    }
}
