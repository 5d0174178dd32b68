using System.Text.Json;
using Ganymede.Messages.Api;
using Spectre.Console;

namespace Ganymede.Cli;

/// <summary>
/// Where a command's words go. What people read goes to standard output, or to standard error with <c>--json</c>, whose one
/// object is then all that standard output gets.
/// </summary>
public sealed class Terminal
{
    private readonly bool _json;
    private readonly TextWriter _writer;

    public Terminal(bool json)
        : this(json, json ? Console.Error : Console.Out, !(json ? Console.IsErrorRedirected : Console.IsOutputRedirected)
            && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb"))
    {
    }

    /// <summary>Plain words into a writer.</summary>
    internal Terminal(TextWriter writer) : this(json: false, writer, isLive: false)
    {
    }

    private Terminal(bool json, TextWriter writer, bool isLive)
    {
        (_json, _writer, IsLive) = (json, writer, isLive);
        People = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isLive ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = isLive && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
                ? ColorSystemSupport.Detect
                : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
        if (!isLive)
            People.Profile.Width = 120; // a file has no width; the default of 80 would wrap paths
    }

    /// <summary>True when a terminal shows the words, so that lines may be redrawn.</summary>
    public bool IsLive { get; }

    public IAnsiConsole People { get; }

    /// <summary>One line of plain text, never wrapped or interpreted.</summary>
    public void Line(string text = "")
    {
        if (IsLive)
            People.WriteLine(text);
        else
            _writer.WriteLine(text);
    }

    /// <summary>The command's result: with <c>--json</c> one line of JSON on standard output.</summary>
    public void Result<T>(T result)
    {
        if (_json)
            Console.Out.WriteLine(JsonSerializer.Serialize(result, ApiJson.Options));
    }
}
