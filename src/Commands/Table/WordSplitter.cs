using System.Text;

namespace Ganymede.Commands;

/// <summary>Cuts a line into words: blanks part them, quotes (single or double) hold them together.</summary>
public static class WordSplitter
{
    /// <exception cref="PbmException">A quote is not closed; a fault of usage.</exception>
    public static string[] Split(string line)
    {
        List<string> words = [];
        var word = new StringBuilder();
        var (inWord, quote) = (false, '\0');
        foreach (var c in line)
        {
            if (quote != '\0')
            {
                if (c == quote)
                    quote = '\0';
                else
                    word.Append(c);
            }
            else if (c is '"' or '\'')
            {
                (quote, inWord) = (c, true);
            }
            else if (char.IsWhiteSpace(c))
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
            else
            {
                word.Append(c);
                inWord = true;
            }
        }

        if (quote != '\0')
            throw PbmException.Usage($"A quote ({quote}) is not closed.");
        if (inWord)
            words.Add(word.ToString());
        return [.. words];
    }
}
