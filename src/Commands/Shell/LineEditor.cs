namespace Ganymede.Commands;

/// <summary>What is typed at a prompt, with its history and completion. Pure: keys go in, <see cref="Text"/> and <see cref="Cursor"/> come out.</summary>
public sealed class LineEditor(IList<string> history, Func<string, IReadOnlyList<string>> complete)
{
    private int _entry = history.Count;
    private string _draft = "";

    public string Text { get; private set; } = "";

    /// <summary>Characters before it.</summary>
    public int Cursor { get; private set; }

    /// <summary>What else the line may become, when Tab could not decide.</summary>
    public IReadOnlyList<string> Choices { get; private set; } = [];

    /// <summary>Takes a key in; true when the line is done.</summary>
    public bool Press(ConsoleKeyInfo key)
    {
        Choices = [];
        var control = (key.Modifiers & ConsoleModifiers.Control) != 0;
        switch (key.Key)
        {
            case ConsoleKey.Enter:
                return true;
            case ConsoleKey.Tab:
                Complete();
                break;
            case ConsoleKey.Backspace when Cursor > 0:
                Text = Text.Remove(--Cursor, 1);
                break;
            case ConsoleKey.Backspace:
                break;
            case ConsoleKey.Delete when Cursor < Text.Length:
            case ConsoleKey.D when control && Cursor < Text.Length:
                Text = Text.Remove(Cursor, 1);
                break;
            case ConsoleKey.LeftArrow:
                Cursor = Math.Max(0, Cursor - 1);
                break;
            case ConsoleKey.RightArrow:
                Cursor = Math.Min(Text.Length, Cursor + 1);
                break;
            case ConsoleKey.Home:
            case ConsoleKey.A when control:
                Cursor = 0;
                break;
            case ConsoleKey.End:
            case ConsoleKey.E when control:
                Cursor = Text.Length;
                break;
            case ConsoleKey.UpArrow:
            case ConsoleKey.P when control:
                Recall(-1);
                break;
            case ConsoleKey.DownArrow:
            case ConsoleKey.N when control:
                Recall(1);
                break;
            case ConsoleKey.U when control:
                (Text, Cursor) = (Text[Cursor..], 0);
                break;
            case ConsoleKey.K when control:
                Text = Text[..Cursor];
                break;
            case ConsoleKey.W when control:
                var end = Text[..Cursor].TrimEnd();
                var from = end.LastIndexOf(' ') + 1;
                (Text, Cursor) = (Text.Remove(from, Cursor - from), from);
                break;
            default:
                if (!char.IsControl(key.KeyChar) && !control)
                    Text = Text.Insert(Cursor++, key.KeyChar.ToString());
                break;
        }

        return false;
    }

    private void Recall(int by)
    {
        var entry = Math.Clamp(_entry + by, 0, history.Count);
        if (entry == _entry)
            return;
        if (_entry == history.Count)
            _draft = Text;
        _entry = entry;
        Text = entry == history.Count ? _draft : history[entry];
        Cursor = Text.Length;
    }

    private void Complete()
    {
        var before = Text[..Cursor];
        var choices = complete(before);
        var begun = before[(before.LastIndexOf(' ') + 1)..];
        var common = Completion.Common(choices);
        var added = choices.Count == 1 ? choices[0][begun.Length..] + " " : common.Length > begun.Length ? common[begun.Length..] : "";
        if (added.Length == 0)
            Choices = choices;
        Text = Text.Insert(Cursor, added);
        Cursor += added.Length;
    }
}
