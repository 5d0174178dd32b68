using System.Globalization;
using System.Runtime.CompilerServices;
using Ganymede.Messages;

namespace Ganymede.Commands;

/// <summary>What the palettes are written with.</summary>
internal static class Define
{
    public static PbmCommand Command(string name, string help, PbmHandler handler, params PbmArgument[] arguments) => new(name, help, arguments, handler);

    /// <summary>A command that goes on until it is cut off.</summary>
    public static PbmCommand Stream(string name, string help, PbmHandler handler, params PbmArgument[] arguments) => new(name, help, arguments, handler, Streams: true);

    public static PbmArgument Optional(string letter, string name, string help) => new(name, [letter, $"--{name}"], help);

    public static PbmArgument Mandatory(string letter, string name, string help) => new(name, [letter, $"--{name}"], help, IsMandatory: true);

    public static PbmArgument Flag(string letter, string name, string help) => new(name, [letter, $"--{name}"], help, IsFlag: true);

    public static PbmArgument Repeated(string letter, string name, string help) => new(name, [letter, $"--{name}"], help, Repeats: true);

    /// <summary>A command whose lines are all there at once.</summary>
    public static PbmHandler Lines(Func<PbmCall, IEnumerable<string>> lines) => (call, _) => Of(lines(call));

    /// <summary>A command that asks somebody first.</summary>
    public static PbmHandler Answer(Func<PbmCall, CancellationToken, Task<IEnumerable<string>>> answer) => (call, cancel) => Await(answer(call, cancel), cancel);

    /// <summary>An order to the Coordinator, and what came of it.</summary>
    public static PbmHandler Order(Func<PbmCall, IClusterMessage> order) => Answer(async (call, cancel) =>
    {
        var answer = await call.Context.Ask<SteeringAnswer>(order(call), cancel);
        return answer.Done ? answer.Lines : throw new PbmException(string.Join(Environment.NewLine, answer.Lines));
    });

    /// <summary>Columns as wide as what is in them; the first row is the head.</summary>
    public static IEnumerable<string> Table(params IReadOnlyList<string[]> rows)
    {
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        return rows.Select(row => string.Join("  ", row.Select((cell, column) => column == row.Length - 1 ? cell : cell.PadRight(widths[column]))).TrimEnd());
    }

    public static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A duration as people say it.</summary>
    public static string Duration(double seconds) => seconds switch
    {
        < 100 => Text($"{seconds:0} s"),
        < 6000 => Text($"{seconds / 60:0} min"),
        _ => Text($"{seconds / 3600:0.0} h"),
    };

    private static async IAsyncEnumerable<string> Of(IEnumerable<string> lines)
    {
        await Task.CompletedTask;
        foreach (var line in lines)
            yield return line;
    }

    private static async IAsyncEnumerable<string> Await(Task<IEnumerable<string>> answer, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        foreach (var line in await answer.WaitAsync(cancel))
            yield return line;
    }
}
