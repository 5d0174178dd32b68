namespace Ganymede.Commands;

/// <summary>Reads lines at a prompt: from a terminal with editing, history and completion, from anything else as they come.</summary>
public sealed class Prompt(string text, Func<string, IReadOnlyList<string>> complete)
{
    private const int HistoryKept = 500;

    private readonly List<string> _history = [.. ReadHistory()];
    private readonly bool _isTerminal = !Console.IsInputRedirected && !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    private static string HistoryFile => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_STATE_HOME") is { Length: > 0 } state
            ? state
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local", "state"),
        "ganymede", "pbm_history");

    /// <summary>Null at the end of the input, or Ctrl-D on an empty line.</summary>
    public string? Read()
    {
        if (!_isTerminal)
            return Console.In.ReadLine();
        var line = Edit();
        if (!string.IsNullOrWhiteSpace(line) && _history.LastOrDefault() != line)
        {
            _history.Add(line);
            WriteHistory();
        }

        return line;
    }

    private string? Edit()
    {
        var editor = new LineEditor(_history, complete);
        Console.TreatControlCAsInput = true;
        try
        {
            Draw(editor);
            while (true)
            {
                var key = Console.ReadKey(intercept: true);
                var isControl = (key.Modifiers & ConsoleModifiers.Control) != 0;
                if (isControl && key.Key == ConsoleKey.D && editor.Text.Length == 0)
                {
                    Console.WriteLine();
                    return null;
                }

                if (isControl && key.Key == ConsoleKey.C)
                {
                    Console.WriteLine("^C");
                    return "";
                }

                if (isControl && key.Key == ConsoleKey.L)
                    Console.Clear();
                if (editor.Press(key))
                {
                    Console.WriteLine();
                    return editor.Text;
                }

                if (editor.Choices.Count > 0)
                {
                    Console.WriteLine();
                    Console.WriteLine(string.Join("  ", editor.Choices));
                }

                Draw(editor);
            }
        }
        finally
        {
            Console.TreatControlCAsInput = false;
        }
    }

    /// <summary>The whole line anew; of one wider than the terminal, the part around the cursor.</summary>
    private void Draw(LineEditor editor)
    {
        var room = Math.Max(10, Width() - text.Length - 1);
        var from = Math.Max(0, editor.Cursor - room + 1);
        var shown = editor.Text[from..Math.Min(editor.Text.Length, from + room)];
        var back = shown.Length - (editor.Cursor - from);
        Console.Write($"\r\e[K{text}{shown}{(back > 0 ? $"\e[{back}D" : "")}");
    }

    private static int Width()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : 80;
        }
        catch (IOException)
        {
            return 80;
        }
    }

    private static string[] ReadHistory()
    {
        try
        {
            return [.. File.ReadLines(HistoryFile).TakeLast(HistoryKept)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private void WriteHistory()
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(HistoryFile)!);
            File.WriteAllLines(HistoryFile, _history.TakeLast(HistoryKept));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A history that cannot be kept is no reason to stop working.
        }
    }
}
