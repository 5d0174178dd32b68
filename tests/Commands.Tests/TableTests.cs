using CsCheck;
using Ganymede.Commands;

namespace Ganymede.Tests;

/// <summary>What is typed: words, commands, arguments, completion, the keys of a prompt.</summary>
public sealed class TableTests
{
    private static readonly PaletteInfo[] Palettes = PbmWire.Describe(PbmTable.Standard);

    [Fact]
    public void Every_command_has_help_and_every_switch_is_its_own()
    {
        foreach (var palette in PbmTable.Standard.Palettes)
        {
            Assert.Equal(palette.Commands.Count, palette.Commands.Select(command => command.Name).Distinct().Count());
            foreach (var command in palette.Commands)
            {
                Assert.False(string.IsNullOrWhiteSpace(command.Help));
                var switches = command.Arguments.SelectMany(argument => argument.Switches).ToArray();
                Assert.Equal(switches.Length, switches.Distinct().Count());
                Assert.All(command.Arguments, argument => Assert.True(argument.IsMandatory || argument.IsFlag || argument.Repeats || argument.Help.Contains("[default: ", StringComparison.Ordinal)
                    || argument.Name is "level" or "category", $"{palette.Name} {command.Name} {argument.Name}"));
            }
        }
    }

    [Theory]
    [InlineData("", "A palette is expected")]
    [InlineData("clutser show", "There is no palette 'clutser'")]
    [InlineData("cluster", "cluster: a command is expected")]
    [InlineData("cluster shw", "there is no command 'shw'")]
    [InlineData("cluster down", "-a is missing")]
    [InlineData("cluster down -a", "-a needs a value")]
    [InlineData("cluster down -a x -a y", "given twice")]
    [InlineData("cluster show -x", "'-x' is none of its switches")]
    public void What_is_not_understood_is_a_fault_of_usage_that_says_what_is_there(string line, string expected)
    {
        var error = Assert.Throws<PbmException>(() => PbmTable.Standard.Parse(WordSplitter.Split(line)));

        Assert.True(error.IsUsage);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Arguments_are_found_by_any_of_their_switches_flags_take_none_and_some_repeat()
    {
        var (command, values) = PbmTable.Standard.Parse(WordSplitter.Split("run start --preset cgan-32 -x a=1 -x 'b = 2' -r -o \"my run\""));

        Assert.Equal("start", command.Name);
        Assert.Equal(["cgan-32"], values["preset"]);
        Assert.Equal(["a=1", "b = 2"], values["set"]);
        Assert.Equal(["true"], values["resume"]);
        Assert.Equal(["my run"], values["out"]);
        Assert.Equal("show", PbmTable.Standard.Parse(["members"]).Command.Name);
    }

    [Fact]
    public void Whatever_is_typed_is_a_command_or_a_fault_of_usage() =>
        Gen.Select(Gen.OneOf(Gen.Const(""), Gen.Const("cluster "), Gen.Const("run start "), Gen.Const("log level ")), Gen.String[0, 60]).Sample((start, rest) =>
        {
            try
            {
                PbmTable.Standard.Parse(WordSplitter.Split(start + rest));
            }
            catch (PbmException error)
            {
                Assert.True(error.IsUsage);
                Assert.InRange(error.Message.Length, 1, 2000);
            }
        });

    [Theory]
    [InlineData("", "actor,cluster,exit,generate,help,log,members,node,run,view")]
    [InlineData("cl", "cluster")]
    [InlineData("cluster ", "down,down-unreachable,join,leader,leave,show,status,tail")]
    [InlineData("cluster down", "down,down-unreachable")]
    [InlineData("help run sta", "start")]
    [InlineData("node drain ", "--node,-n")]
    [InlineData("node drain -n ", "")]
    [InlineData("nothing ", "")]
    public void Tab_offers_what_may_come_next(string line, string expected) =>
        Assert.Equal(expected, string.Join(',', Completion.Of(line, Palettes)));

    [Fact]
    public void Keys_edit_recall_and_complete()
    {
        List<string> history = ["cluster show", "node list"];
        var editor = new LineEditor(history, line => Completion.Of(line, Palettes));

        Type(editor, "clu\t"); // one possible
        Assert.Equal("cluster ", editor.Text);
        Type(editor, "do\t");
        Assert.Equal("cluster down", editor.Text);
        Type(editor, "\t"); // two: told, not decided
        Assert.Equal(["down", "down-unreachable"], editor.Choices);

        Press(editor, ConsoleKey.UpArrow);
        Assert.Equal("node list", editor.Text);
        Press(editor, ConsoleKey.UpArrow);
        Press(editor, ConsoleKey.UpArrow);
        Assert.Equal("cluster show", editor.Text);
        Press(editor, ConsoleKey.DownArrow);
        Press(editor, ConsoleKey.DownArrow);
        Assert.Equal("cluster down", editor.Text); // what was being typed
        Press(editor, ConsoleKey.Home);
        Press(editor, ConsoleKey.Delete);
        Press(editor, ConsoleKey.RightArrow);
        Type(editor, "X");
        Assert.Equal("lXuster down", editor.Text);
        Press(editor, ConsoleKey.E, control: true);
        Press(editor, ConsoleKey.W, control: true);
        Assert.Equal("lXuster ", editor.Text);
        Press(editor, ConsoleKey.U, control: true);
        Assert.Equal("", editor.Text);
        Assert.True(editor.Press(new ConsoleKeyInfo('\r', ConsoleKey.Enter, false, false, false)));
    }

    [Theory]
    [InlineData("127.0.0.1:9110", "127.0.0.1", 9110)]
    [InlineData("a.example:1", "a.example", 1)]
    [InlineData("[::1]:65535", "::1", 65535)]
    public void A_target_is_a_host_and_a_port(string text, string host, int port) => Assert.Equal(new PbmTarget(host, port), PbmTarget.TryParse(text));

    [Theory]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData(":9110")]
    [InlineData("ho st:1")]
    [InlineData("host")]
    public void Anything_else_is_none(string text) => Assert.Null(PbmTarget.TryParse(text));

    [Fact]
    public void Who_does_not_read_the_log_loses_its_oldest_lines_and_holds_nobody_up()
    {
        using var book = new LogBook(TimeProvider.System);
        using var reader = book.Follow();
        var log = book.CreateLogger("test");
        for (var i = 0; i < 10_000; i++)
            log.Log(Microsoft.Extensions.Logging.LogLevel.Information, default, i, null, (number, _) => $"line {number}\nforged");

        Assert.Equal(LogBook.Kept, book.Newest(1_000_000).Count);
        Assert.EndsWith("line 9999 forged", book.Newest(1)[0], StringComparison.Ordinal);
        Assert.True(reader.Lines.TryRead(out var first));
        Assert.EndsWith("line 9500 forged", first.Text, StringComparison.Ordinal);
    }

    private static void Type(LineEditor editor, string text)
    {
        foreach (var c in text)
            editor.Press(new ConsoleKeyInfo(c, c == '\t' ? ConsoleKey.Tab : default(ConsoleKey), false, false, false));
    }

    private static void Press(LineEditor editor, ConsoleKey key, bool control = false) =>
        editor.Press(new ConsoleKeyInfo('\0', key, false, false, control));
}
