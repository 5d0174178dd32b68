using System.Text;
using System.Text.Json;

namespace Ganymede.Training;

internal static class PresetWriter
{
    /// <summary>
    /// Keys in the order of <see cref="PresetKeys.All"/>, nested at the dots; neighbours with one prefix share an object.
    /// </summary>
    public static string ToJson(Preset preset)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            var open = "";
            foreach (var key in PresetKeys.All)
            {
                var dot = key.Name.IndexOf('.', StringComparison.Ordinal);
                var group = dot < 0 ? "" : key.Name[..dot];
                if (group != open)
                {
                    if (open != "")
                        json.WriteEndObject();
                    if (group != "")
                        json.WriteStartObject(group);
                    open = group;
                }

                key.Write(preset, json, key.Name[(dot + 1)..]);
            }

            if (open != "")
                json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }
}
